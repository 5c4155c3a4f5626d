import com.clickhouse.client.api.data_formats.RowBinaryFormatWriter;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.zip.CRC32;

/**
 * An event as a row of `touchpoints`: the columns that can be read off the event itself. An event is
 * keyed by its first usable identifier.
 */
final class Facts {
  static final List<String> COLUMNS =
      List.of(
          "realm", "node", "event_id", "version", "event_hash", "occurred_at", "corrected_at",
          "received_at", "channel", "type", "synthetic", "intake", "source_system",
          "source_store", "campaign", "anchor_type", "anchor_verified", "ids.type", "ids.node",
          "ids.verified", "order_action", "order_issuer", "order_id", "return_id",
          "order_counts", "order_currency", "order_value", "lines.sku", "lines.kind",
          "lines.category", "lines.quantity", "lines.total", "attrs.name", "attrs.value",
          "attrs.present", "offers.sku", "offers.market", "offers.location", "offers.basis",
          "offers.price", "offers.currency", "offers.quantity", "offers.terms", "payload");

  private static final long FLOOR_MS = Instant.parse("2000-01-01T00:00:00Z").toEpochMilli();
  private static final long TOLERANCE_MS = 24 * 3_600_000L;
  private static final Set<String> NOBODY =
      Set.of("", "0", "null", "none", "undefined", "unknown", "guest", "anonymous", "n/a");
  private static final Pattern ADDRESS = Pattern.compile("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$");
  private static final Set<String> IMPERSONAL =
      Set.of(
          "order.placed", "order.status_changed", "order.cancelled", "order.returned",
          "till.closed", "day.closed", "campaign.published", "survey.answered",
          "offer.published", "price_list.completed", "store.published", "account.updated",
          "action.planned", "action.done");

  /** An identifier as a node: its key is a plain hash of what the sender wrote. */
  private record Identifier(String type, UUID node, boolean verified) {}

  private Facts() {}

  /** Whether the event may be stored: its time is plausible, and it names somebody if it must. */
  static boolean isUsable(JsonNode event, long receivedMs) {
    long occurredMs = instant(event).toInstant().toEpochMilli();
    return occurredMs >= FLOOR_MS
        && occurredMs <= receivedMs + TOLERANCE_MS
        && (IMPERSONAL.contains(event.get("type").textValue()) || !identifiers(event).isEmpty());
  }

  /** Write the row of an event. */
  static void write(RowBinaryFormatWriter row, JsonNode event, byte[] payload, long receivedMs)
      throws IOException {
    ZonedDateTime occurredAt = instant(event).atZoneSameInstant(ZoneOffset.UTC);
    String eventId = text(event, "event_id");
    String type = text(event, "type");
    JsonNode source = event.path("source");
    JsonNode body = event.path("body");
    List<Identifier> identifiers = identifiers(event);
    Identifier anchor =
        identifiers.isEmpty()
            ? new Identifier("record", key("record", "", eventId), false)
            : identifiers.get(0);
    CRC32 checksum = new CRC32();
    checksum.update(payload);
    row.setValue("realm", event.path("realm").asText("default"));
    row.setValue("node", anchor.node());
    row.setValue("event_id", eventId);
    row.setValue("version", event.path("revision").asLong() << 32 | checksum.getValue());
    row.setValue("event_hash", key("event", "", eventId).getMostSignificantBits() >>> 1);
    row.setValue("occurred_at", occurredAt);
    row.setValue("corrected_at", occurredAt);
    row.setValue("received_at", Instant.ofEpochMilli(receivedMs).atZone(ZoneOffset.UTC));
    row.setValue("channel", text(event, "channel"));
    row.setValue("type", type);
    row.setValue("synthetic", source.path("synthetic").asBoolean());
    row.setValue("intake", "server");
    row.setValue("source_system", text(source, "system"));
    row.setValue("source_store", text(source, "store"));
    row.setValue("campaign", text(source, "campaign"));
    row.setValue("anchor_type", anchor.type());
    row.setValue("anchor_verified", anchor.verified());
    row.setValue("ids.type", identifiers.stream().map(Identifier::type).toList());
    row.setValue("ids.node", identifiers.stream().map(Identifier::node).toList());
    row.setValue("ids.verified", identifiers.stream().map(Identifier::verified).toList());
    writeOrder(row, eventId, type, source, body);
    writeAttributes(row, type, body);
    writeOffers(row, event, type, body);
    row.setValue("payload", new String(payload, StandardCharsets.UTF_8));
    row.commitRow();
  }

  private static void writeOrder(
      RowBinaryFormatWriter row, String eventId, String type, JsonNode source, JsonNode body) {
    String action =
        switch (type) {
          case "order.placed" -> "placed";
          case "order.cancelled" -> "cancelled";
          case "order.returned" -> "returned";
          case "order.status_changed" -> "status";
          default -> "";
        };
    boolean isOrder = !action.isEmpty();
    String issuer = isOrder ? text(body, "issuer") : "";
    if (isOrder && issuer.isEmpty() && source.has("till")) {
      issuer = String.join("/", text(source, "system"), text(source, "store"), text(source, "till"));
    }
    String returnId = text(body, "return_id");
    row.setValue("order_action", action);
    row.setValue("order_issuer", issuer);
    row.setValue("order_id", isOrder ? text(body, "order_id") : "");
    boolean isReturn = action.equals("returned");
    row.setValue("return_id", !isReturn ? "" : returnId.isEmpty() ? eventId : returnId);
    boolean hasValue = isOrder && !action.equals("status");
    boolean isSale = body.path("receipt_kind").asText("sale").equals("sale");
    row.setValue("order_counts", hasValue && isSale);
    row.setValue("order_currency", hasValue ? textOr(body, "currency", "EUR") : "");
    List<JsonNode> lines = isOrder ? items(body.path("lines")) : List.of();
    BigDecimal value = lines.stream().map(one -> number(one, "total")).reduce(ZERO, BigDecimal::add);
    row.setValue("order_value", body.hasNonNull("gross") && isOrder ? number(body, "gross") : value);
    row.setValue("lines.sku", lines.stream().map(one -> text(one, "sku")).toList());
    row.setValue("lines.kind", lines.stream().map(one -> textOr(one, "kind", "product")).toList());
    row.setValue("lines.category", lines.stream().map(one -> text(one, "category")).toList());
    row.setValue("lines.quantity", lines.stream().map(Facts::quantity).toList());
    row.setValue("lines.total", lines.stream().map(one -> number(one, "total")).toList());
  }

  private static void writeAttributes(RowBinaryFormatWriter row, String type, JsonNode body) {
    List<String> names = new ArrayList<>();
    List<String> values = new ArrayList<>();
    List<Boolean> present = new ArrayList<>();
    if (type.equals("profile.updated")) {
      body.path("attributes")
          .properties()
          .forEach(
              one -> {
                names.add(one.getKey());
                values.add(one.getValue().isNull() ? "" : one.getValue().asText());
                present.add(!one.getValue().isNull());
              });
    }
    row.setValue("attrs.name", names);
    row.setValue("attrs.value", values);
    row.setValue("attrs.present", present);
  }

  /** One offer for each price that the event names: a published or shown one, or those charged. */
  private static void writeOffers(
      RowBinaryFormatWriter row, JsonNode event, String type, JsonNode body) {
    boolean isCharged = type.equals("order.placed");
    List<JsonNode> offers = new ArrayList<>();
    if (isCharged) {
      items(body.path("lines")).stream().filter(one -> one.hasNonNull("unit_price")).forEach(offers::add);
    } else if (type.equals("offer.published")) {
      offers.add(body);
    } else if (type.equals("product.viewed") && body.path("offer").isObject()) {
      offers.add(body.get("offer"));
    } else if (type.equals("cart.updated")) {
      items(body.path("items")).stream().map(one -> one.path("offer")).filter(JsonNode::isObject).forEach(offers::add);
    }
    String price = isCharged ? "unit_price" : "price";
    offers.removeIf(one -> !one.hasNonNull(price));
    String basis = isCharged ? "charged" : type.equals("offer.published") ? "published" : "displayed";
    String store = text(event.path("source"), "store");
    String currency = textOr(body, "currency", "EUR");
    row.setValue("offers.sku", offers.stream().map(one -> text(one, "sku")).toList());
    row.setValue("offers.market", offers.stream().map(one -> textOr(one, "market", "DE")).toList());
    row.setValue("offers.location", offers.stream().map(one -> textOr(one, "location", store)).toList());
    row.setValue("offers.basis", offers.stream().map(one -> basis).toList());
    row.setValue("offers.price", offers.stream().map(one -> number(one, price)).toList());
    row.setValue("offers.currency", offers.stream().map(one -> textOr(one, "currency", currency)).toList());
    row.setValue("offers.quantity", offers.stream().map(one -> isCharged ? quantity(one) : ZERO).toList());
    row.setValue("offers.terms", offers.stream().map(one -> "").toList());
  }

  private static List<Identifier> identifiers(JsonNode event) {
    List<Identifier> found = new ArrayList<>();
    for (JsonNode one : event.path("identifiers")) {
      String type = text(one, "type");
      String value = text(one, "value").strip();
      boolean names = !NOBODY.contains(value.toLowerCase(Locale.ROOT));
      if (names && (!type.equals("email") || ADDRESS.matcher(value).matches())) {
        UUID node = key(type, text(one, "issuer"), value);
        found.add(new Identifier(type, node, one.path("verified").asBoolean()));
      }
    }
    return found;
  }

  private static UUID key(String type, String issuer, String value) {
    String name = type + '\u001f' + issuer + '\u001f' + value;
    return UUID.nameUUIDFromBytes(name.getBytes(StandardCharsets.UTF_8));
  }

  private static OffsetDateTime instant(JsonNode event) {
    return OffsetDateTime.parse(event.get("occurred_at").textValue());
  }

  private static List<JsonNode> items(JsonNode array) {
    List<JsonNode> found = new ArrayList<>(array.size());
    array.forEach(found::add);
    return found;
  }

  private static String text(JsonNode node, String name) {
    return textOr(node, name, "");
  }

  private static String textOr(JsonNode node, String name, String otherwise) {
    JsonNode found = node.get(name);
    return found == null || found.isNull() ? otherwise : found.asText();
  }

  private static BigDecimal quantity(JsonNode line) {
    return line.hasNonNull("quantity") ? number(line, "quantity") : BigDecimal.ONE;
  }

  private static BigDecimal number(JsonNode node, String name) {
    JsonNode found = node.get(name);
    if (found == null || found.isNull()) {
      return ZERO;
    }
    return found.isTextual() ? new BigDecimal(found.textValue()) : found.decimalValue();
  }

  private static final BigDecimal ZERO = BigDecimal.ZERO;
}
