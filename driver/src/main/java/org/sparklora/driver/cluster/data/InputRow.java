package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.net.URI;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;

/** The content of a row with its file and row number, which error messages name. */
record InputRow(Place place, RowText content) implements Serializable {

    private InputRow(Row row) {
        this(place(row), content(row));
    }

    /** Converts a table that {@link SourceReader} or {@link DatasetRows} made. */
    static JavaRDD<InputRow> of(Dataset<Row> rows) {
        return rows.toJavaRDD().map(InputRow::new);
    }

    /** Converts a row of such a table. */
    static InputRow of(Row row) {
        return new InputRow(row);
    }

    /** Returns the content of the rows by row index: the position, from 0, in the order of file and row. */
    static JavaPairRDD<Long, RowText> inOrder(Dataset<Row> rows) {
        return RowOrder.index(rows).mapValues(InputRow::content);
    }

    /** Returns the place of a row of the table. */
    static Place place(Row row) {
        return new Place(
                row.getAs(SourceReader.FILE),
                row.<Number>getAs(SourceReader.ROW).longValue());
    }

    /** Returns the content of a row of the table. */
    static RowText content(Row row) {
        return new RowText(
                string(row, SourceReader.TEXT),
                string(row, SourceReader.TEXT_PAIR),
                string(row, SourceReader.LABEL),
                string(row, SourceReader.WEIGHT));
    }

    private static @Nullable String string(Row row, String column) {
        Object value = row.getAs(column);
        return value == null ? null : value.toString();
    }

    /** Formats a row's place as {@code FILE row N}. A local file is shown as a path, without scheme and escapes. */
    static String location(Place row) {
        // Spark's names of files are encoded as URIs; a dataset's name has no scheme.
        URI uri = URI.create(row.file());
        return ("file".equals(uri.getScheme()) ? uri.getPath() : row.file()) + " row " + row.offset();
    }
}
