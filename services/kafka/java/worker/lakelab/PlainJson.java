package lakelab;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.NullNode;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Plain JSON for sinks that want a schema with each message, such as Debezium's for JDBC: it is made of what is there.
 * Numbers are whole (int64) or not (float64); dates and decimals stay text, of which the database makes what its columns
 * are. A change has the columns of its row in `before` and `after`, whichever of them is there.
 */
public final class PlainJson implements Converter {

    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<String, Schema> known = new ConcurrentHashMap<>();
    private String suffix = ".Envelope";

    @Override
    public void configure(Map<String, ?> configs, boolean isKey) {
        suffix = isKey ? ".Key" : ".Envelope";
    }

    @Override
    public byte[] fromConnectData(String topic, Schema schema, Object value) {
        throw new DataException("lakelab.PlainJson is for sinks");
    }

    @Override
    public SchemaAndValue toConnectData(String topic, byte[] bytes) {
        if (bytes == null) {
            return SchemaAndValue.NULL;
        }
        JsonNode node;
        try {
            node = mapper.readTree(bytes);
        } catch (IOException error) {
            throw new DataException(topic + ": a message is not JSON", error);
        }
        if (!node.isObject()) {
            throw new DataException(topic + ": a message is not an object");
        }
        Schema schema = schemaOf(topic + suffix, node);
        return new SchemaAndValue(schema, valueOf(schema, node));
    }

    private Schema schemaOf(String name, JsonNode node) {
        StringBuilder shape = new StringBuilder(name);
        describe(node, shape);
        return known.computeIfAbsent(shape.toString(), absent -> struct(name, node));
    }

    /** What decides on the schema. Text and null are the same to it, so that a table has few schemas. */
    private static void describe(JsonNode node, StringBuilder shape) {
        node.properties().forEach(field -> {
            JsonNode value = isRow(field.getKey()) ? NullNode.instance : field.getValue();
            shape.append('\0').append(field.getKey()).append('\0');
            if (value.isObject()) {
                shape.append('{');
                describe(value, shape);
                shape.append('}');
            } else {
                shape.append(scalar(value).type());
            }
        });
        if (row(node).isObject()) {
            describe(row(node), shape.append("row"));
        }
    }

    private static boolean isRow(String field) {
        return field.equals("before") || field.equals("after");
    }

    private static JsonNode row(JsonNode change) {
        return change.path("after").isObject() ? change.path("after") : change.path("before");
    }

    private static Schema struct(String name, JsonNode node) {
        SchemaBuilder builder = SchemaBuilder.struct().name(name).optional();
        node.properties().forEach(field -> {
            JsonNode value = isRow(field.getKey()) ? row(node) : field.getValue();
            builder.field(field.getKey(), value.isObject() ? struct(name + "." + field.getKey(), value) : scalar(value));
        });
        return builder.build();
    }

    private static Schema scalar(JsonNode value) {
        if (value.isIntegralNumber()) {
            return Schema.OPTIONAL_INT64_SCHEMA;
        }
        if (value.isNumber()) {
            return Schema.OPTIONAL_FLOAT64_SCHEMA;
        }
        return value.isBoolean() ? Schema.OPTIONAL_BOOLEAN_SCHEMA : Schema.OPTIONAL_STRING_SCHEMA;
    }

    private static Object valueOf(Schema schema, JsonNode value) {
        if (value == null || value.isNull()) {
            return null;
        }
        switch (schema.type()) {
            case STRUCT:
                Struct struct = new Struct(schema);
                schema.fields().forEach(field -> struct.put(field, valueOf(field.schema(), value.get(field.name()))));
                return struct;
            case INT64:
                // A number of the former row, where the new one has none, or text.
                return value.isIntegralNumber() ? (Object) value.longValue() : null;
            case FLOAT64:
                return value.doubleValue();
            case BOOLEAN:
                return value.booleanValue();
            default:
                return value.isTextual() ? value.textValue() : value.toString();
        }
    }
}
