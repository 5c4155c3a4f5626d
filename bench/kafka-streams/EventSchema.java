import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.TextNode;
import java.io.File;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The published JSON Schema of touchpoints, compiled into checks once. One schema for each event
 * type, found by the type; only the keywords that the schema uses.
 */
final class EventSchema {
  private interface Check {
    boolean holds(JsonNode value);
  }

  private final JsonNode definitions;
  private final Map<String, Check> byReference = new HashMap<>();
  private final Map<String, Check> byType = new HashMap<>();

  EventSchema(File file, ObjectMapper mapper) throws IOException {
    JsonNode schema = mapper.readTree(file);
    definitions = schema.get("$defs");
    for (JsonNode one : schema.get("oneOf")) {
      String reference = one.get("$ref").asText();
      JsonNode event = definitions.get(nameOf(reference));
      byType.put(
          event.get("properties").get("type").get("const").asText(), referenced(reference));
    }
  }

  /** Whether this is an event of a known type, as the schema wants it. */
  boolean accepts(JsonNode event) {
    JsonNode type = event.get("type");
    Check check = type != null && type.isTextual() ? byType.get(type.textValue()) : null;
    return check != null && check.holds(event);
  }

  private static String nameOf(String reference) {
    return reference.substring(reference.lastIndexOf('/') + 1);
  }

  /** Schemas may refer to each other, so that one is compiled when it is first asked. */
  private Check referenced(String reference) {
    Check known = byReference.get(reference);
    if (known == null) {
      JsonNode schema = definitions.get(nameOf(reference));
      known =
          new Check() {
            private Check compiled;

            @Override
            public boolean holds(JsonNode value) {
              if (compiled == null) {
                compiled = compile(schema);
              }
              return compiled.holds(value);
            }
          };
      byReference.put(reference, known);
    }
    return known;
  }

  private Check compile(JsonNode schema) {
    List<Check> all = new ArrayList<>();
    if (schema.has("$ref")) {
      all.add(referenced(schema.get("$ref").asText()));
    }
    if (schema.has("type")) {
      all.add(ofTypes(schema.get("type")));
    }
    if (schema.has("const")) {
      String only = schema.get("const").asText();
      all.add(value -> value.isTextual() && value.textValue().equals(only));
    }
    if (schema.has("enum")) {
      List<JsonNode> words = new ArrayList<>();
      schema.get("enum").forEach(words::add);
      all.add(words::contains);
    }
    if (schema.has("anyOf")) {
      List<Check> some = new ArrayList<>();
      schema.get("anyOf").forEach(one -> some.add(compile(one)));
      all.add(value -> anyHolds(some, value));
    }
    addText(schema, all);
    addNumber(schema, all);
    addArray(schema, all);
    addObject(schema, all);
    Check[] checks = all.toArray(new Check[0]);
    return value -> allHold(checks, value);
  }

  private static boolean anyHolds(List<Check> some, JsonNode value) {
    for (Check one : some) {
      if (one.holds(value)) {
        return true;
      }
    }
    return false;
  }

  private static boolean allHold(Check[] checks, JsonNode value) {
    for (Check one : checks) {
      if (!one.holds(value)) {
        return false;
      }
    }
    return true;
  }

  private static Check ofTypes(JsonNode types) {
    if (types.isTextual()) {
      return ofType(types.asText());
    }
    List<Check> some = new ArrayList<>();
    types.forEach(one -> some.add(ofType(one.asText())));
    return value -> anyHolds(some, value);
  }

  private static Check ofType(String name) {
    return switch (name) {
      case "string" -> JsonNode::isTextual;
      case "boolean" -> JsonNode::isBoolean;
      case "object" -> JsonNode::isObject;
      case "array" -> JsonNode::isArray;
      case "null" -> JsonNode::isNull;
      case "number" -> JsonNode::isNumber;
      case "integer" ->
          value -> value.isIntegralNumber() || value.isNumber() && value.canConvertToExactIntegral();
      default -> throw new IllegalArgumentException(name);
    };
  }

  private static void addText(JsonNode schema, List<Check> all) {
    int least = schema.path("minLength").asInt(0);
    int most = schema.path("maxLength").asInt(Integer.MAX_VALUE);
    if (least > 0 || most < Integer.MAX_VALUE) {
      all.add(value -> !value.isTextual() || isBetween(value.textValue(), least, most));
    }
    if (schema.has("pattern")) {
      Pattern pattern = Pattern.compile(schema.get("pattern").asText());
      all.add(value -> !value.isTextual() || pattern.matcher(value.textValue()).find());
    }
  }

  private static boolean isBetween(String text, int least, int most) {
    int units = text.length();
    int length = units <= most ? units : text.codePointCount(0, units);
    return length >= least && length <= most;
  }

  private static void addNumber(JsonNode schema, List<Check> all) {
    for (String name :
        List.of("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")) {
      if (schema.has(name)) {
        BigDecimal bound = schema.get(name).decimalValue();
        int sign = name.endsWith("inimum") ? 1 : -1;
        int least = name.startsWith("exclusive") ? 1 : 0;
        all.add(
            value ->
                !value.isNumber() || sign * value.decimalValue().compareTo(bound) >= least);
      }
    }
  }

  private void addArray(JsonNode schema, List<Check> all) {
    int least = schema.path("minItems").asInt(0);
    int most = schema.path("maxItems").asInt(Integer.MAX_VALUE);
    if (least > 0 || most < Integer.MAX_VALUE) {
      all.add(value -> !value.isArray() || value.size() >= least && value.size() <= most);
    }
    if (schema.has("items")) {
      Check item = compile(schema.get("items"));
      all.add(
          value -> {
            for (JsonNode one : value.isArray() ? value : List.<JsonNode>of()) {
              if (!item.holds(one)) {
                return false;
              }
            }
            return true;
          });
    }
  }

  private void addObject(JsonNode schema, List<Check> all) {
    if (schema.has("required")) {
      List<String> names = new ArrayList<>();
      schema.get("required").forEach(one -> names.add(one.asText()));
      all.add(value -> !value.isObject() || names.stream().allMatch(value::has));
    }
    if (schema.has("maxProperties")) {
      int most = schema.get("maxProperties").asInt();
      all.add(value -> !value.isObject() || value.size() <= most);
    }
    if (schema.has("propertyNames")) {
      Check name = compile(schema.get("propertyNames"));
      all.add(
          value ->
              value.properties().stream().allMatch(one -> name.holds(new TextNode(one.getKey()))));
    }
    Map<String, Check> members = new LinkedHashMap<>();
    schema
        .path("properties")
        .properties()
        .forEach(one -> members.put(one.getKey(), compile(one.getValue())));
    boolean isClosed = schema.path("additionalProperties").isObject();
    Check others = isClosed ? compile(schema.get("additionalProperties")) : null;
    if (!members.isEmpty() || others != null) {
      all.add(value -> !value.isObject() || membersHold(value, members, others));
    }
  }

  private static boolean membersHold(JsonNode value, Map<String, Check> members, Check others) {
    for (Map.Entry<String, JsonNode> one : value.properties()) {
      Check check = members.getOrDefault(one.getKey(), others);
      if (check != null && !check.holds(one.getValue())) {
        return false;
      }
    }
    return true;
  }
}
