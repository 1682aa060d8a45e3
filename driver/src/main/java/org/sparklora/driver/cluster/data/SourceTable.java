package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.lang3.StringUtils;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.parser.ParserInterface;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.SparkSqlParser;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import org.apache.spark.storage.StorageLevel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.text.Problems;
import scala.collection.JavaConverters;

/**
 * Rows that have no place in a file: those of a table, of a query, or of a format of which Spark does not tell the row's number.
 * Such rows are read once. {@link #materialized} keeps them, and {@link #origins} says what they are, in whatever order and files.
 */
public final class SourceTable {

    /** Begins the value of {@link SourceReader#FILE} of such a row; no file system has this name. */
    private static final String PLACE = "table:";

    private static final Logger LOG = LoggerFactory.getLogger(SourceTable.class);

    private static final int MAX_QUOTED = 80;

    private SourceTable() {}

    /**
     * Refuses a name, query or condition that Spark cannot parse. Needs no session.
     *
     * @param where key or option that names the source, for the message
     * @throws ConfigException if one does not parse, or if the query is a command or several statements
     */
    static void requireParses(SourceConfig source, String where) {
        ParserInterface parser = new SparkSqlParser();
        List<String> problems = new ArrayList<>();
        source.selection()
                .table()
                .flatMap(name -> problem(() -> parser.parseMultipartIdentifier(name)))
                .ifPresent(why -> problems.add(
                        "table is not the name of a table: " + why + "; put parts with other characters in backticks"));
        source.selection()
                .sql()
                .flatMap(text -> problem(() -> {
                    // This reads a query and ignores what follows. The next line takes one statement of any kind.
                    parser.parseQuery(text);
                    return parser.parsePlan(text);
                }))
                .ifPresent(why -> problems.add("sql is not one query: " + why + "; give one SELECT"));
        source.selection()
                .where()
                .flatMap(text -> problem(() -> parser.parseExpression(text)))
                .ifPresent(
                        why -> problems.add("where is not a condition: " + why + "; write it as in SQL after WHERE"));
        if (!problems.isEmpty()) {
            throw new ConfigException(where, Problems.of("config.sql.invalid", problems));
        }
    }

    private static Optional<String> problem(Callable<?> parsing) {
        try {
            parsing.call();
            return Optional.empty();
        } catch (Exception e) {
            // Exception: Spark's ParseException is checked, and Scala declares none.
            String message = String.valueOf(e.getMessage()).strip();
            return Optional.of(message.lines().findFirst().orElse("").replaceFirst("\\.$", ""));
        }
    }

    /** Opens the rows, with {@code where} and {@code columns} where Spark can push them down. */
    static Dataset<Row> open(SparkSession spark, SourceConfig source, String format) {
        DataFrameReader reader = spark.read().options(source.options());
        SourceConfig.Selection selection = source.selection();
        Dataset<Row> rows = selection.table().isPresent()
                ? reader.table(selection.table().get())
                : selection.sql().isPresent()
                        ? spark.sql(selection.sql().get())
                        : reader.format(format)
                                .load(SourcePaths.path(source.path().orElseThrow())
                                        .toString());
        if (selection.where().isPresent()) {
            rows = rows.where(selection.where().get());
        }
        if (!rows.queryExecution().analyzed().deterministic()) {
            LOG.warn(
                    "'{}' has an expression that is not deterministic, such as rand(): another run gets other rows",
                    source.name());
        }
        return selection.columns().isEmpty()
                ? rows
                : rows.select(selection.columns().get().stream()
                        .map(DatasetRows::named)
                        .toArray(Column[]::new));
    }

    /** The place of all rows: the name of the source and the snapshots that were read. */
    static Column place(Dataset<Row> rows, SourceConfig source) {
        LogicalPlan plan = rows.queryExecution().analyzed();
        String snapshots = JavaConverters.seqAsJavaList(plan.collectLeaves()).stream()
                .flatMap(leaf -> snapshot(leaf).stream())
                .map(Object::toString)
                .collect(Collectors.joining(", "));
        return lit(PLACE + source.name() + (snapshots.isEmpty() ? "" : " at snapshot " + snapshots));
    }

    /** The version of a Delta table, or the id of an Iceberg table's snapshot. Neither is a library of ours. */
    private static Optional<Object> snapshot(LogicalPlan leaf) {
        if (leaf instanceof LogicalRelation relation && relation.relation() instanceof HadoopFsRelation files) {
            return call(files.location(), "version");
        }
        if (leaf instanceof DataSourceV2Relation relation) {
            Optional<Object> pinned = call(relation.table(), "snapshotId");
            return pinned.isPresent()
                    ? pinned
                    : call(relation.table(), "table")
                            .flatMap(table -> call(table, "currentSnapshot"))
                            .flatMap(snapshot -> call(snapshot, "snapshotId"));
        }
        return Optional.empty();
    }

    private static Optional<Object> call(Object on, String name) {
        try {
            Method method = on.getClass().getMethod(name);
            // Its class may be hidden behind a public interface.
            return method.trySetAccessible() ? Optional.ofNullable(method.invoke(on)) : Optional.empty();
        } catch (ReflectiveOperationException e) {
            return Optional.empty();
        }
    }

    /**
     * Reads the rows now, and never again: an executor that is lost must not bring back rows of a later snapshot. On a cluster two
     * executors hold each of them; a run that loses both ends, and resumes if the rows are the same.
     */
    static Dataset<Row> materialized(Dataset<Row> rows) {
        SparkSession spark = rows.sparkSession();
        boolean local = SourcePaths.isLocal(spark.sparkContext().master());
        JavaRDD<Row> held =
                rows.toJavaRDD().persist(local ? StorageLevel.MEMORY_AND_DISK() : StorageLevel.MEMORY_AND_DISK_2());
        held.rdd().localCheckpoint();
        held.count();
        return spark.createDataFrame(held, rows.schema());
    }

    /** The origins of training and validation rows, by the keys of the job that name them; none for files. */
    public static SortedMap<String, Origin> origins(Dataset<Row> training, Optional<Dataset<Row>> validation) {
        SortedMap<String, Origin> origins = new TreeMap<>();
        origin(training).ifPresent(origin -> origins.put("data.train", origin));
        validation.flatMap(SourceTable::origin).ifPresent(origin -> origins.put("data.validation", origin));
        return origins;
    }

    /**
     * The source, the number of rows and their digest, if the table that {@link SourceReader} made has such rows. Rows whose order
     * or files differ have the same digest.
     *
     * @param rows a table whose rows were checked
     */
    static Optional<Origin> origin(Dataset<Row> rows) {
        Optional<String> place = rows.select(col(SourceReader.FILE)).limit(1).collectAsList().stream()
                .map(row -> row.getString(0))
                .filter(file -> file.startsWith(PLACE))
                .findFirst();
        return place.map(file -> {
            RowsDigest digest = RowsDigest.of(rows, false);
            return new Origin(file.substring(PLACE.length()), digest.rows(), digest.sha256());
        });
    }

    /**
     * Where rows came from.
     *
     * @param source name of the table, query or path, with the snapshot if it has such
     * @param sha256 of the content of all rows, hexadecimal
     */
    public record Origin(String source, long rows, String sha256) {}

    /** Formats the place of a row: file and row, or the source and the beginning of the row. */
    static String location(InputRow row) {
        String file = row.place().file();
        if (!file.startsWith(PLACE)) {
            return InputRow.location(row.place());
        }
        RowText content = row.content();
        String text = Stream.of(content.text(), content.pair(), content.label(), content.weight())
                .filter(Objects::nonNull)
                .collect(Collectors.joining(" | "))
                .replaceAll("\\s+", " ");
        return file.substring(PLACE.length()) + ", row '" + StringUtils.abbreviate(text, "…", MAX_QUOTED) + "'";
    }
}
