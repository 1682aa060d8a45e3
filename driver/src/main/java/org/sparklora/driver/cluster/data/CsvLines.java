package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.first;
import static org.apache.spark.sql.functions.udf;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;

/**
 * Finds CSV files of which each line is a row, so that Spark's parser of lines reads the same rows as its parser of files.
 *
 * <p>A line is examined as if a row began with it. If no line of a file ends within quotes, a row does begin with each of them,
 * by induction. So splits are examined in parallel. To count quotes is not enough: in {@code 5" wide,"open} the first is text,
 * and the second opens a field.
 */
final class CsvLines {

    /** The line ends within quotes, is too long, or the parsers may read it differently. */
    private static final int NO_ROW = 1;
    /** The line is empty. Both parsers skip it, but the parser of lines expects the header in the first line. */
    private static final int EMPTY = 2;
    /** The line ends with a line feed only, or with the file. */
    private static final int LF = 4;
    /** The line ends with a carriage return. Where the first line does, the parser of files takes a line feed for text. */
    private static final int CR = 8;

    /** Column of the line, cut at line feeds only. No folder of a partitioned table names a column so. */
    static final String LINE = "_spark_lora_line";
    /** Column of the file's size in bytes, a long. */
    static final String BYTES = "bytes";

    /** Of a longer line, only the begin is read or nothing, so that a file without line feeds needs no memory for all of it. */
    static final int MAX_BYTES = 1 << 20;

    private CsvLines() {}

    /**
     * Returns the URIs of files of which each line is a row.
     *
     * @param lines columns {@link #LINE}, {@link SourceScan#FILE}, {@link SourceScan#SPLIT} and {@link #BYTES}
     */
    static Set<String> files(Dataset<Row> lines, char separator) {
        Column traits = udf((UDF1<String, Integer>) line -> traits(line, separator), DataTypes.IntegerType)
                .apply(col(LINE));
        Map<String, Integer> files = new HashMap<>();
        Map<String, Long> unread = new HashMap<>();
        lines.withColumn("traits", traits)
                .groupBy(SourceScan.FILE, SourceScan.SPLIT)
                .agg(expr("bit_or(traits)"), first("traits"), first(BYTES), expr("sum(octet_length(" + LINE + ") + 1)"))
                .collectAsList()
                .forEach(split -> {
                    int header = split.getLong(1) == 0 && (split.getInt(3) & EMPTY) > 0 ? NO_ROW : 0;
                    files.merge(split.getString(0), split.getInt(2) | header, (a, b) -> a | b);
                    unread.putIfAbsent(split.getString(0), split.getLong(4));
                    unread.merge(split.getString(0), -split.getLong(5), Long::sum);
                });
        unread.forEach((file, bytes) -> files.merge(file, end(bytes), (a, b) -> a | b));
        files.values().removeIf(any -> (any & NO_ROW) > 0 || (any & (LF | CR)) == (LF | CR));
        return files.keySet();
    }

    /** Returns what is to know of the bytes of a file beyond those of its lines: three may mark the byte order at its begin. */
    private static int end(long unread) {
        boolean feed = unread == 0 || unread == 3;
        boolean none = unread == -1 || unread == 2;
        return feed ? 0 : none ? LF : NO_ROW;
    }

    /** Returns what is to know of a line without its line feed. */
    static int traits(String line, char separator) {
        boolean cr = line.endsWith("\r");
        String row = cr ? line.substring(0, line.length() - 1) : line;
        int end = cr ? CR : LF;
        if (row.isEmpty()) {
            return end | EMPTY;
        }
        // The parser of lines skips white space and a mark of byte order, ends lines at carriage returns, decodes by
        // line.
        // A line of which only the begin may have been read has at least a character for four bytes.
        boolean same = row.length() < MAX_BYTES / 4
                && !row.trim().isEmpty()
                && row.indexOf('\r') < 0
                && row.indexOf('\uFEFF') < 0
                && row.indexOf(SourceFormat.REPLACEMENT) < 0;
        return same && isRow(row, separator) ? end : end | NO_ROW;
    }

    /** Whether each field that begins with a quote ends with one, where quotes within are doubled. */
    private static boolean isRow(String line, char separator) {
        int at = line.indexOf('"') < 0 ? line.length() : 0;
        while (at < line.length()) {
            if (line.charAt(at) == '"') {
                do {
                    at = line.indexOf('"', at + 1) + 1;
                    if (at == 0) {
                        return false;
                    }
                } while (at < line.length() && line.charAt(at) == '"');
                if (at < line.length() && line.charAt(at) != separator) {
                    return false;
                }
            } else {
                at = line.indexOf(separator, at);
                if (at < 0) {
                    return true;
                }
            }
            at++;
        }
        return true;
    }
}
