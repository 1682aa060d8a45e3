package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.monotonically_increasing_id;

import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;

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
     */
    public record Columns(Column text, Optional<Column> textPair, Optional<Column> label, Optional<Column> weight) {}

    /** Converts a dataset. The table is lazy: each use computes the dataset again, unless it is persisted. */
    public static Dataset<Row> of(Dataset<?> rows, Columns columns) {
        return rows.select(
                lit(FILE_NAME).as(SourceReader.FILE),
                monotonically_increasing_id().plus(1).as(SourceReader.ROW),
                text(Optional.of(columns.text())).as(SourceReader.TEXT),
                text(columns.textPair()).as(SourceReader.TEXT_PAIR),
                text(columns.label()).as(SourceReader.LABEL),
                text(columns.weight()).as(SourceReader.WEIGHT));
    }

    /** Returns a column by its name, which may contain dots and quotes. */
    public static Column named(String name) {
        return col("`" + name.replace("`", "``") + "`");
    }

    private static Column text(Optional<Column> column) {
        return column.orElse(lit(null)).cast(DataTypes.StringType);
    }
}
