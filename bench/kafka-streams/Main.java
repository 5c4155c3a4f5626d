import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The contestant on Kafka Streams: events into ClickHouse in batches, offsets committed after the
 * insert. `Main SCHEMA TOPIC EVENTS BATCH WARM_UP STATE_DIR`; broker and store are settings of the
 * environment. One stream thread, as Kafka Streams has it; all its tasks share one batch.
 */
public final class Main {
  private static final String STORE = "batch";
  private static final Duration POLL = Duration.ofSeconds(1);

  private final Batch batch;
  private final Race race;
  private final int batchRecords;
  private final CountDownLatch over = new CountDownLatch(1);
  private final Map<Object, ProcessorContext<Void, Void>> tasks = new HashMap<>();

  private Main(Batch batch, Race race, int batchRecords) {
    this.batch = batch;
    this.race = race;
    this.batchRecords = batchRecords;
  }

  public static void main(String[] arguments) throws Exception {
    String topic = arguments[1];
    int events = Integer.parseInt(arguments[2]);
    Batch batch =
        new Batch(
            Batch.schemaOf(arguments[0]), setting("CLICKHOUSE_URL"), setting("CLICKHOUSE_DATABASE"));
    warmUp(batch, topic, Integer.parseInt(arguments[4]));
    Main main = new Main(batch, new Race(events), Integer.parseInt(arguments[3]));
    main.run(topic, arguments[5]);
  }

  private static String setting(String name) {
    return System.getenv("C360_" + name);
  }

  private static Properties common() {
    Properties settings = new Properties();
    settings.put(
        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, setting("KAFKA_BOOTSTRAP_SERVERS"));
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    return settings;
  }

  /** Read, validate and encode so many records without keeping them: a worker runs for weeks. */
  private static void warmUp(Batch batch, String topic, int wanted) {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(common(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all =
          consumer.partitionsFor(topic).stream()
              .map(one -> new TopicPartition(topic, one.partition()))
              .toList();
      consumer.assign(all);
      int read = 0;
      while (read < wanted) {
        consumer.seekToBeginning(all);
        int before = read;
        for (var got = consumer.poll(POLL); !got.isEmpty() && read < wanted; got = consumer.poll(POLL)) {
          for (ConsumerRecord<byte[], byte[]> one : got) {
            batch.add(one.value(), one.timestamp());
          }
          batch.clear();
          read += got.count();
        }
        if (read == before) {
          throw new IllegalStateException("there is nothing in " + topic);
        }
      }
    }
  }

  private void run(String topic, String stateDirectory) throws InterruptedException {
    StreamsBuilder builder = new StreamsBuilder();
    builder.stream(topic, Consumed.with(Serdes.ByteArray(), Serdes.ByteArray())).process(supplier());
    Properties settings = common();
    settings.put(
        StreamsConfig.APPLICATION_ID_CONFIG, setting("KAFKA_GROUP_PREFIX") + "-kafka-streams");
    settings.put(StreamsConfig.STATE_DIR_CONFIG, stateDirectory);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    // Longer than a batch takes, so that its number of records ends it.
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 5_000);
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          Runtime.getRuntime().halt(1);
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    streams.start();
    over.await();
    Runtime.getRuntime().halt(0); // leaving the group in order takes time that nobody measures
  }

  private ProcessorSupplier<byte[], byte[], Void, Void> supplier() {
    return new ProcessorSupplier<>() {
      @Override
      public Processor<byte[], byte[], Void, Void> get() {
        return new Collector();
      }

      @Override
      public Set<StoreBuilder<?>> stores() {
        return Set.of(new BatchStoreBuilder());
      }
    };
  }

  private void insert() {
    int done = batch.insert();
    if (done > 0 && race.finished(done)) {
      over.countDown();
    }
  }

  /** Collects records; a full batch is inserted, and then all tasks are asked to commit. */
  private final class Collector implements Processor<byte[], byte[], Void, Void> {
    @Override
    public void init(ProcessorContext<Void, Void> context) {
      tasks.put(context.taskId(), context);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      race.began();
      if (batch.add(record.value(), record.timestamp()) >= batchRecords) {
        insert();
        tasks.values().forEach(ProcessorContext::commit);
      }
    }
  }

  /**
   * Holds nothing, and makes durable what the batch holds before a task's offsets are committed, for
   * whatever reason they are: time, a rebalance or the end.
   */
  private final class BatchStore implements StateStore {
    private boolean isOpen;

    @Override
    public String name() {
      return STORE;
    }

    @Override
    public void init(StateStoreContext context, StateStore root) {
      isOpen = true;
      context.register(root, (key, value) -> {});
    }

    @Override
    public void commit(Map<TopicPartition, Long> offsets) {
      insert();
    }

    @Override
    public void close() {
      isOpen = false;
    }

    @Override
    public boolean persistent() {
      return false;
    }

    @Override
    public boolean isOpen() {
      return isOpen;
    }
  }

  private final class BatchStoreBuilder implements StoreBuilder<BatchStore> {
    @Override
    public StoreBuilder<BatchStore> withCachingEnabled() {
      return this;
    }

    @Override
    public StoreBuilder<BatchStore> withCachingDisabled() {
      return this;
    }

    @Override
    public StoreBuilder<BatchStore> withLoggingEnabled(Map<String, String> config) {
      return this;
    }

    @Override
    public StoreBuilder<BatchStore> withLoggingDisabled() {
      return this;
    }

    @Override
    public BatchStore build() {
      return new BatchStore();
    }

    @Override
    public Map<String, String> logConfig() {
      return Map.of();
    }

    @Override
    public boolean loggingEnabled() {
      return false;
    }

    @Override
    public String name() {
      return STORE;
    }
  }
}
