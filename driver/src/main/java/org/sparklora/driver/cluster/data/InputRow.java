package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.net.URI;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import scala.Tuple2;

/** The content of a row with its file and row number, which error messages name. */
final class InputRow implements Serializable {

    private static final long serialVersionUID = 1L;

    final String file;
    final long row;
    final RowText content;

    private InputRow(Row row) {
        this.file = row.getAs(SourceReader.FILE);
        this.row = row.<Number>getAs(SourceReader.ROW).longValue();
        this.content = content(row);
    }

    /** Converts a table that {@link SourceReader} or {@link DatasetRows} made. */
    static JavaRDD<InputRow> of(Dataset<Row> rows) {
        return rows.toJavaRDD().map(InputRow::new);
    }

    /** Returns the content of the rows by row index: the position, from 0, in the order of file and row. */
    static JavaPairRDD<Long, RowText> inOrder(Dataset<Row> rows) {
        return rows.orderBy(SourceReader.FILE, SourceReader.ROW)
                .toJavaRDD()
                .map(InputRow::content)
                .zipWithIndex()
                .mapToPair(Tuple2::swap);
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

    boolean isBefore(InputRow other) {
        int byFile = file.compareTo(other.file);
        return byFile != 0 ? byFile < 0 : row < other.row;
    }

    /** Formats a location as {@code FILE row N}. A local file is shown as a path, without scheme and escapes. */
    static String location(String file, long row) {
        // Spark's names of files are encoded as URIs; a dataset's name has no scheme.
        URI uri = URI.create(file);
        return ("file".equals(uri.getScheme()) ? uri.getPath() : file) + " row " + row;
    }
}
