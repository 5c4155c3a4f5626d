import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** The clock of a contestant, as `bench.worker_job.Race`; for one thread. */
final class Race {
  private static final double NANOSECONDS = 1e9;

  private final OperatingSystemMXBean system =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  private final int wanted;
  private long begunNs;
  private long cpuNs;
  private int done;

  Race(int wanted) {
    this.wanted = wanted;
  }

  /** Records are in hand. Only the first call counts. */
  void began() {
    if (begunNs == 0) {
      begunNs = System.nanoTime();
      cpuNs = system.getProcessCpuTime();
    }
  }

  /** So many more are durable; true, and the result is printed, when these were the last. */
  boolean finished(int events) {
    done += events;
    if (done < wanted) {
      return false;
    }
    long endedNs = System.nanoTime();
    double seconds = (endedNs - begunNs) / NANOSECONDS;
    double usedUs = (system.getProcessCpuTime() - cpuNs) / 1e3;
    String result =
        "{\"contestant\": \"kafka-streams\", \"events\": %d, \"begun_s\": %.6f, \"ended_s\": %.6f,"
            + " \"seconds\": %.3f, \"events_per_second\": %d, \"cpu_us_per_event\": %.1f,"
            + " \"peak_mib\": %.1f}";
    System.out.println(
        String.format(
            Locale.ROOT, result, done, begunNs / NANOSECONDS, endedNs / NANOSECONDS, seconds,
            Math.round(done / seconds), usedUs / done, peakMib()));
    System.out.flush();
    return true;
  }

  private static double peakMib() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith("VmHWM")) {
          return Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024.0;
        }
      }
      return 0;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }
}
