package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.net.URI;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import scala.Tuple2;

/** A row and its place. */
final class InputRow implements Serializable {

    private static final long serialVersionUID = 1L;

    final String file;
    final long row;
    final RowText content;

    private InputRow(String file, long row, RowText content) {
        this.file = file;
        this.row = row;
        this.content = content;
    }

    /** Rows of the table that {@link SourceReader} makes. */
    static JavaRDD<InputRow> of(Dataset<Row> rows) {
        return rows.toJavaRDD().map(row -> new InputRow(row.getAs(SourceReader.FILE), place(row), content(row)));
    }

    /** The rows' content by their index, from 0, in the order of file and row. */
    static JavaPairRDD<Long, RowText> inOrder(Dataset<Row> rows) {
        return rows.orderBy(SourceReader.FILE, SourceReader.ROW)
                .toJavaRDD()
                .map(InputRow::content)
                .zipWithIndex()
                .mapToPair(Tuple2::swap);
    }

    private static long place(Row row) {
        return row.<Number>getAs(SourceReader.ROW).longValue();
    }

    /** What a row of the table says. */
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

    String place() {
        return place(file, row);
    }

    boolean isBefore(InputRow other) {
        int byFile = file.compareTo(other.file);
        return byFile != 0 ? byFile < 0 : row < other.row;
    }

    /** {@code FILE row N}. */
    static String place(String file, long row) {
        return plain(file) + " row " + row;
    }

    /** {@code " (and n - 1 rows more)"}, or nothing where there is one only. */
    static String more(long rows) {
        return rows > 1 ? " (the first of " + rows + " such rows)" : "";
    }

    /** A local file's path without scheme and escapes, as people write it. */
    static String plain(String file) {
        try {
            URI uri = URI.create(file);
            return "file".equals(uri.getScheme()) && uri.getPath() != null ? uri.getPath() : file;
        } catch (IllegalArgumentException e) {
            // Not an address: shown as it is.
            return file;
        }
    }
}
