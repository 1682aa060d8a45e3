package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.commons.lang3.StringUtils;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.execution.datasources.SchemaColumnConvertNotSupportedException;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.cluster.failure.SparkSentences;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

/**
 * Reads a source (files, a table or a query) as a table of {@value #FILE}, {@value #ROW} (from 1 within its file), {@value #TEXT},
 * {@value #TEXT_PAIR}, {@value #LABEL} and {@value #WEIGHT}. All columns but the row number are text; missing and empty
 * values are null. Lists (label sets, words, tags) are JSON arrays in a text column, see {@link TextLists}.
 *
 * <p>Reading checks the whole input once, so that a malformed row is reported here. The table is lazy and parses the input
 * again each time it is used: persist it before several passes.
 *
 * <p>In a CSV file with Windows line ends, Spark's parser reads a line break within quotes as a line feed.
 */
public final class SourceReader {

    /** Column of the file's URI, text. */
    public static final String FILE = "file";
    /** Column of the row's number within its file, from 1, a long. */
    public static final String ROW = "row";
    /** Column of the first text, or of words as a JSON array. */
    public static final String TEXT = "text";
    /** Column of the second text; null for single texts. */
    public static final String TEXT_PAIR = "text_pair";
    /** Column of the label as text, or of several labels as a JSON array. */
    public static final String LABEL = "label";
    /** Column of the weight as text; null for the weight 1. */
    public static final String WEIGHT = "weight";

    /** Column of the key as text, whose values have an adapter each; only in tables that were read with it. */
    public static final String KEY = "adapter";

    /** All columns of the input as a struct; only in tables of {@link #readWithInput}. */
    public static final String INPUT = "input";

    /** Columns that only reading needs. */
    private static final Set<String> OWN = Set.of(
            SourceScan.FILE, SourceScan.SPLIT, SourceColumns.POSITION, SourceColumns.WHERE, SourceFormat.MALFORMED);

    private SourceReader() {}

    /**
     * Checks that a source has a data file and a known format, or a query that parses. Needs no Spark session.
     *
     * @param where key or option that names the path, for the message
     * @return whether rows have an order: that of files and lines
     * @throws DataException if it does not
     * @throws org.sparklora.driver.job.config.ConfigException if the name of a table, a query or a condition cannot be parsed
     */
    public static boolean requireFiles(SourceConfig source, Configuration hadoop, String where) {
        SourceTable.requireParses(source, where);
        return !source.isOfCatalog()
                && SourceFormat.of(source, SourceFiles.of(source, hadoop, where)) != SourceFormat.TABLE;
    }

    /** Reads labelled rows. */
    public static Dataset<Row> read(SparkSession spark, SourceConfig source, Task task) {
        return read(spark, source, task, Optional.empty());
    }

    /** The same with {@value #KEY}, if a column of the source is given for it. */
    public static Dataset<Row> read(SparkSession spark, SourceConfig source, Task task, Optional<String> key) {
        return read(spark, source, task, true, key);
    }

    /**
     * Reads rows without their labels, with all columns of the input in the struct {@value #INPUT}, and {@value #KEY} if a column is
     * given for it.
     */
    public static Dataset<Row> readWithInput(SparkSession spark, SourceConfig source, Task task, Optional<String> key) {
        return read(spark, source, task, false, key);
    }

    /** Whether values of the type hold other values. */
    public static boolean isNested(DataType type) {
        return type instanceof StructType || type instanceof ArrayType || type instanceof MapType;
    }

    private static Dataset<Row> read(
            SparkSession spark, SourceConfig source, Task task, boolean labelled, Optional<String> key) {
        try {
            SourceScan scan = new SourceScan(spark, source);
            SourceSchema schema = SourceSchema.of(scan, task, labelled, key);
            Dataset<Row> rows = new SourceColumns(schema).of(scan.rows(schema.read()), !labelled);
            Column number;
            if (scan.format == SourceFormat.TABLE) {
                rows = SourceTable.materialized(rows);
                number = col(SourceColumns.POSITION).plus(1);
            } else {
                number = new SourceChecks(schema).number(rows).column();
            }
            List<Column> columns = new ArrayList<>(List.of(col(SourceScan.FILE).as(FILE), number.as(ROW)));
            Stream.of(rows.columns()).filter(name -> !OWN.contains(name)).forEach(name -> columns.add(col(name)));
            Dataset<Row> all = scan.source.selection().where().isEmpty() ? rows : rows.where(SourceColumns.WHERE);
            return all.select(columns.toArray(Column[]::new));
        } catch (DataException e) {
            throw e;
        } catch (Exception e) {
            throw unreadable(e, spark, source);
        }
    }

    /** Tells an unreadable source from a failure of the cluster. */
    private static RuntimeException unreadable(Exception e, SparkSession spark, SourceConfig source) {
        List<Throwable> causes = ExceptionUtils.getThrowableList(e);
        Throwable root = causes.get(causes.size() - 1);
        boolean cluster = root instanceof InterruptedException || SparkSentences.isOfCluster(causes.toString());
        if (cluster) {
            return e instanceof RuntimeException r ? r : new IllegalStateException(e);
        }
        // About a type that differs from file to file, the cause before names file and column.
        boolean type = root instanceof SchemaColumnConvertNotSupportedException;
        Throwable told = type ? causes.get(causes.size() - 2) : root;
        String message = told.getMessage() == null ? told.toString() : told.getMessage();
        if (message.contains("COLUMN_ALREADY_EXISTS")) {
            return SourceSchema.ambiguous(new SourceScan(spark, source), name -> true)
                    .orElseThrow();
        }
        return new DataException(
                "data.file.unreadable",
                "'" + source.name() + "' cannot be read: "
                        + StringUtils.abbreviate(
                                message.strip().lines().findFirst().orElse("").replaceFirst("[.;]+$", ""), "…", 600)
                        + "; check the file or table, its permissions, and format and options in the data section of a job file",
                e);
    }
}
