package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.not;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.mapreduce.lib.input.LineRecordReader;
import org.apache.spark.network.util.JavaUtils;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.job.config.SourceConfig;
import scala.collection.JavaConverters;

/**
 * Opens the files of a source with Spark, which cuts large files into splits. A CSV file is cut only if {@link CsvLines} finds
 * that each of its lines is a row.
 *
 * <p>Rows are numbered by split, so every pass must find the same splits. Spark derives their size from the number of cores,
 * which changes as executors come and go. So the scan has a session of its own, in which the number is fixed.
 */
final class SourceScan {

    /** Column of the file's URI, text. No column of a source has this name. */
    static final String FILE = "_spark_lora_file";
    /** Column of the byte at which the row's split begins in its file, a long. */
    static final String SPLIT = "_spark_lora_split";

    private static final Logger LOG = LoggerFactory.getLogger(SourceScan.class);

    private static final String MAX_SPLIT = "spark.sql.files.maxPartitionBytes";
    private static final String MIN_SPLIT = "spark.sql.files.openCostInBytes";
    private static final String SPLITS = "spark.sql.files.minPartitionNum";

    /** Has a meaning in patterns; a colon is not taken by Hadoop's patterns. */
    private static final Pattern ODD = Pattern.compile("[\\[\\]{}*?\\\\:]");

    final SourceConfig source;
    final SourceFormat format;

    private final SparkSession spark;
    /** Rows that have no place in a file, if the format is {@link SourceFormat#TABLE}. */
    private final Optional<Dataset<Row>> table;

    private final SourceFiles files;
    private final Map<String, String> options;

    SourceScan(SparkSession spark, SourceConfig source) {
        this.spark = fixed(spark);
        this.source = source;
        if (source.isOfCatalog()) {
            this.files = SourceFiles.NONE;
            this.format = SourceFormat.TABLE;
            this.options = Map.of();
            // The session itself, which has the views.
            this.table = Optional.of(SourceTable.open(spark, source, ""));
            return;
        }
        this.files = SourceFiles.of(source, spark.sparkContext().hadoopConfiguration(), "the data section");
        this.format = SourceFormat.of(source, files);
        this.options = format.options(source);
        this.table = format == SourceFormat.TABLE
                ? Optional.of(SourceTable.open(spark, source, SourceFormat.name(source, files)))
                : Optional.empty();
        String extension = SourceFormat.extension(files.read().firstKey());
        files.skipped().stream()
                .filter(file -> SourceFormat.extension(file).equals(extension))
                .findFirst()
                .ifPresent(file -> LOG.warn("Spark skips {}, because a name begins with _ or .", file));
    }

    private static SparkSession fixed(SparkSession spark) {
        SparkSession fixed = spark.newSession();
        Map<String, String> initial = JavaConverters.mapAsJavaMap(fixed.conf().getAll());
        JavaConverters.mapAsJavaMap(spark.conf().getAll()).forEach((key, value) -> {
            // All others cannot be set in a session.
            if (!value.equals(initial.get(key))) {
                fixed.conf().set(key, value);
            }
        });
        String cores = Integer.toString(spark.sparkContext().defaultParallelism());
        String splits = spark.conf().get("spark.sql.leafNodeDefaultParallelism", cores);
        fixed.conf().set(SPLITS, spark.conf().get(SPLITS, splits));
        return fixed;
    }

    /** Whether Hadoop would take a file's path for a pattern. The address before the path may have a port. */
    static boolean isOdd(String file) {
        return ODD.matcher(new Path(file).toUri().getPath()).find();
    }

    private boolean isOn(String option) {
        return "true".equalsIgnoreCase(options.get(option));
    }

    /**
     * Reads all rows, with the columns of a schema, {@link #FILE} and {@link #SPLIT}.
     *
     * @throws DataException if two CSV files have different headers
     */
    Dataset<Row> rows(StructType schema) {
        if (table.isPresent()) {
            return table.get()
                    .select(col("*"), SourceTable.place(table.get(), source).as(FILE), lit(0L).as(SPLIT));
        }
        Dataset<Row> whole = open(spark.read().options(options).schema(schema));
        if (!format.isDelimited()) {
            return whole;
        }
        if (isOn("header")) {
            CsvHeaders.requireSame(
                    source,
                    whole.inputFiles(),
                    file -> infer(spark, file).fieldNames(),
                    spark.sparkContext().hadoopConfiguration());
        }
        Set<String> byLine = isOn("multiLine") ? filesOfLines() : Set.of();
        if (byLine.isEmpty()) {
            return whole;
        }
        Dataset<Row> lines =
                open(spark.read().options(options).option("multiLine", false).schema(schema));
        if (byLine.size() == files.read().size()) {
            return lines;
        }
        Column isByLine = col(FILE).isin(byLine.toArray());
        return lines.where(isByLine).union(whole.where(not(isByLine)));
    }

    /** Finds the files that Spark would cut and of which each line is a row, and says if there are others that it would cut. */
    private Set<String> filesOfLines() {
        long minSplit = Math.min(bytes(MAX_SPLIT), bytes(MIN_SPLIT));
        long large =
                files.read().values().stream().filter(bytes -> bytes > minSplit).count();
        if (large == 0) {
            return Set.of();
        }
        Set<String> found = Set.of();
        if (format.isPlain(options)) {
            StructType line = new StructType().add(CsvLines.LINE, DataTypes.StringType);
            DataFrameReader reader = spark.read()
                    .format("text")
                    .schema(line)
                    .option("lineSep", "\n")
                    .option(LineRecordReader.MAX_LINE_LENGTH, CsvLines.MAX_BYTES);
            Dataset<Row> text = load(reader, roots())
                    .where(col("_metadata.file_size").gt(minSplit))
                    .where(not(col("_metadata.file_name").rlike(SourceFormat.COMPRESSED)))
                    .select(
                            col(CsvLines.LINE),
                            path(),
                            split(),
                            col("_metadata.file_size").as(CsvLines.BYTES));
            found = CsvLines.files(text, SourceFormat.separator(options).charAt(0));
        }
        if (found.size() < large) {
            LOG.warn(
                    "'{}': {} of {} files cannot be split, so that one task reads each: they are compressed, have rows of several"
                            + " lines, blank or long lines or different line ends, or are read with other options than sep and header",
                    source.name(),
                    large - found.size(),
                    files.read().size());
        }
        return found;
    }

    private long bytes(String key) {
        return JavaUtils.byteStringAsBytes(spark.conf().get(key));
    }

    private Dataset<Row> open(DataFrameReader reader) {
        return load(reader.format(format.sparkName()), roots()).select(col("*"), path(), split());
    }

    private static Column path() {
        return col("_metadata.file_path").as(FILE);
    }

    private static Column split() {
        return col("_metadata.file_block_start").as(SPLIT);
    }

    private String[] roots() {
        return files.roots().toArray(String[]::new);
    }

    /**
     * Opens files. One is taken as it is. Several come from a pattern: if one of several paths looks like a pattern itself, Spark
     * reads all of them twice, even with the option.
     */
    private Dataset<Row> load(DataFrameReader reader, String... paths) {
        boolean pattern = paths.length > 1;
        String[] from = pattern ? new String[] {SourcePaths.path(source.name()).toString()} : paths;
        return reader.option("__globPaths__", pattern).load(from);
    }

    /** Infers the columns of all files. */
    StructType infer() {
        return table.map(Dataset::schema).orElseGet(() -> infer(spark, roots()));
    }

    /** Returns the names of all columns as they are written. A session that ignores case numbers those that differ by case only. */
    String[] exactNames() {
        if (table.isPresent()) {
            return table.get().columns();
        }
        SparkSession exact = spark.newSession();
        exact.conf().set("spark.sql.caseSensitive", "true");
        return infer(exact, roots()).fieldNames();
    }

    /**
     * Infers the columns of files. Spark looks for values of several lines through Hadoop's input formats, which take every path
     * for a pattern. In an odd path it looks at a CSV file's first line instead, and at a JSON file as if it were one line.
     */
    private StructType infer(SparkSession session, String... paths) {
        DataFrameReader reader = session.read().format(format.sparkName()).options(options);
        if (isOn("multiLine") && files.read().keySet().stream().anyMatch(SourceScan::isOdd)) {
            reader = reader.option("multiLine", false)
                    .options(format.isDelimited() ? Map.of() : Map.of("lineSep", "\u0001"));
        }
        return load(reader, paths).schema();
    }
}
