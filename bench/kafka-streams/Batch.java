import com.clickhouse.client.api.Client;
import com.clickhouse.client.api.data_formats.RowBinaryFormatWriter;
import com.clickhouse.client.api.insert.InsertSettings;
import com.clickhouse.client.api.metadata.TableSchema;
import com.clickhouse.data.ClickHouseFormat;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Reads, validates and holds events until they are inserted; for one thread. */
final class Batch implements AutoCloseable {
  private static final int BYTES_MAX = 32 * 1024;
  private static final int SIZE = 4 * 1024 * 1024;

  private final ObjectMapper mapper =
      new ObjectMapper()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  private final EventSchema schema;
  private final Client client;
  private final TableSchema columns;
  private final ByteArrayOutputStream rows = new ByteArrayOutputStream(SIZE);
  private RowBinaryFormatWriter writer;
  private int records;
  private int events;

  Batch(EventSchema schema, String url, String database) {
    this.schema = schema;
    client =
        new Client.Builder()
            .addEndpoint(url)
            .setUsername("default")
            .setPassword("")
            .setDefaultDatabase(database)
            .compressServerResponse(false)
            .compressClientRequest(false)
            .serverSetting("async_insert", "0")
            .serverSetting("wait_end_of_query", "1")
            .serverSetting("optimize_on_insert", "0")
            .serverSetting("insert_deduplicate", "0")
            .build();
    String quoted = "`" + String.join("`, `", Facts.COLUMNS) + "`";
    columns = client.getTableSchemaFromQuery("SELECT " + quoted + " FROM touchpoints");
    clear();
  }

  static EventSchema schemaOf(String file) throws IOException {
    return new EventSchema(new java.io.File(file), new ObjectMapper());
  }

  /** One record; how many there are since the last insert, refused ones among them. */
  int add(byte[] value, long receivedMs) {
    records++;
    JsonNode event = value.length > BYTES_MAX ? null : read(value);
    if (event != null && schema.accepts(event) && Facts.isUsable(event, receivedMs)) {
      try {
        Facts.write(writer, event, value, receivedMs);
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
      events++;
    }
    return records;
  }

  private JsonNode read(byte[] value) {
    try {
      return mapper.readTree(value);
    } catch (JsonProcessingException error) {
      return null;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** Insert what there is, durable when it returns; how many records that were. */
  int insert() {
    int done = records;
    if (events > 0) {
      ByteArrayInputStream body = new ByteArrayInputStream(rows.toByteArray());
      InsertSettings settings = new InsertSettings();
      try {
        client
            .insert("touchpoints", Facts.COLUMNS, body, ClickHouseFormat.RowBinary, settings)
            .get()
            .close();
      } catch (Exception error) {
        throw new IllegalStateException("the insert failed", error);
      }
    }
    clear();
    return done;
  }

  /** Forget what there is. */
  void clear() {
    rows.reset();
    writer = new RowBinaryFormatWriter(rows, columns, ClickHouseFormat.RowBinary);
    records = 0;
    events = 0;
  }

  @Override
  public void close() {
    client.close();
  }
}
