package lakelab;

import io.debezium.spi.converter.CustomConverter;
import io.debezium.spi.converter.RelationalColumn;
import java.time.LocalDate;
import java.util.Properties;
import org.apache.kafka.connect.data.SchemaBuilder;

/**
 * Dates as text, 2018-01-24: what every consumer reads as a date. Debezium by itself has days since 1970, or text that
 * ends in a Z, which Spark and Hive take for no date at all.
 * https://debezium.io/documentation/reference/stable/development/converters.html
 */
public final class IsoDates implements CustomConverter<SchemaBuilder, RelationalColumn> {

    @Override
    public void configure(Properties properties) {}

    @Override
    public void converterFor(RelationalColumn column, ConverterRegistration<SchemaBuilder> registration) {
        if ("date".equals(column.typeName())) {
            SchemaBuilder schema = SchemaBuilder.string();
            registration.register(column.isOptional() ? schema.optional() : schema, IsoDates::text);
        }
    }

    /** The log has days as LocalDate, a snapshot as java.sql.Date, a column's default as either, or as a number. */
    private static Object text(Object value) {
        if (value instanceof java.sql.Date) {
            return ((java.sql.Date) value).toLocalDate().toString();
        }
        if (value instanceof Number) {
            return LocalDate.ofEpochDay(((Number) value).longValue()).toString();
        }
        return value == null ? null : value.toString();
    }
}
