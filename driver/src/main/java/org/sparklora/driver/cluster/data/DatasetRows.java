package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.isnan;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.monotonically_increasing_id;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.when;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;

/**
 * Converts a dataset to the table that {@link SourceReader} makes of files, so that all later steps are the same. The row
 * number of a dataset's row is its partition and its position in the partition.
 */
public final class DatasetRows {

    /** The "file" that error messages name. */
    private static final String FILE_NAME = "dataset";

    private DatasetRows() {}

    /**
     * The columns to read.
     *
     * @param label the label as text
     * @param key whose values have an adapter each
     */
    public record Columns(
            Column text,
            Optional<Column> textPair,
            Optional<Column> label,
            Optional<Column> weight,
            Optional<Column> key) {

        /** Those of rows without keys. */
        public Columns(Column text, Optional<Column> textPair, Optional<Column> label, Optional<Column> weight) {
            this(text, textPair, label, weight, Optional.empty());
        }
    }

    /** Converts a dataset. The table is lazy: each use computes the dataset again, unless it is persisted. */
    public static Dataset<Row> of(Dataset<?> rows, Columns columns) {
        Dataset<Row> table = rows.select(
                lit(FILE_NAME).as(SourceReader.FILE),
                monotonically_increasing_id().plus(1).as(SourceReader.ROW),
                text(rows, Optional.of(columns.text())).as(SourceReader.TEXT),
                text(rows, columns.textPair()).as(SourceReader.TEXT_PAIR),
                text(rows, columns.label()).as(SourceReader.LABEL),
                columns.weight().orElse(lit(null)).cast(DataTypes.StringType).as(SourceReader.WEIGHT),
                text(rows, columns.key()).as(SourceReader.KEY));
        return columns.key().isPresent() ? table : table.drop(SourceReader.KEY);
    }

    /** A column as text, in which NaN is null. */
    public static Column text(Dataset<?> rows, String name) {
        return text(rows, Optional.of(named(name)));
    }

    /** Returns a column by its name, which may contain dots and quotes. */
    public static Column named(String name) {
        return col("`" + name.replace("`", "``") + "`");
    }

    /** Returns the columns that a name stands for: none, one, or several that differ by case where the session ignores it. */
    public static List<String> like(String name, String[] columns) {
        var same = SQLConf.get().resolver();
        return Stream.of(columns)
                .filter(column -> (Boolean) same.apply(column, name))
                .toList();
    }

    private static Column text(Dataset<?> rows, Optional<Column> column) {
        Column value = column.orElse(lit(null));
        return text(value, rows.select(value).schema().fields()[0].dataType());
    }

    /** A value as text. NaN is how pandas writes a missing number, so it is null. */
    static Column text(Column value, DataType type) {
        Column text = value.cast(DataTypes.StringType);
        boolean fraction = type instanceof DoubleType || type instanceof FloatType;
        return fraction ? when(not(isnan(value)), text) : text;
    }
}
