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
 * A dataset as the table that {@link SourceReader} makes of files, so that everything that follows is the same: texts and
 * labels as text, and a place for each row, which for a dataset is its partition and its number within.
 */
public final class DatasetRows {

    /** What messages call the "file" of a dataset's rows. */
    private static final String PLACE = "dataset";

    private DatasetRows() {}

    /**
     * Columns that matter.
     *
     * @param label the label's text
     */
    public record Columns(Column text, Optional<Column> textPair, Optional<Column> label, Optional<Column> weight) {}

    /** The table of a dataset. Lazy: each use computes the dataset anew, unless it is persisted. */
    public static Dataset<Row> of(Dataset<?> rows, Columns columns) {
        return rows.select(
                lit(PLACE).as(SourceReader.FILE),
                monotonically_increasing_id().plus(1).as(SourceReader.ROW),
                text(Optional.of(columns.text())).as(SourceReader.TEXT),
                text(columns.textPair()).as(SourceReader.TEXT_PAIR),
                text(columns.label()).as(SourceReader.LABEL),
                text(columns.weight()).as(SourceReader.WEIGHT));
    }

    /** A column by its name, whatever dots and quotes that holds. */
    public static Column named(String name) {
        return col("`" + name.replace("`", "``") + "`");
    }

    private static Column text(Optional<Column> column) {
        return column.orElse(lit(null)).cast(DataTypes.StringType);
    }
}
