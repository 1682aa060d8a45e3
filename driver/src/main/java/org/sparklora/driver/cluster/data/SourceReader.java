package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.monotonically_increasing_id;
import static org.apache.spark.sql.functions.row_number;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.split;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.commons.lang3.StringUtils;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.execution.datasources.SchemaColumnConvertNotSupportedException;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

/**
 * Reads a source as a table of {@value #FILE}, {@value #ROW} (from 1 within its file), {@value #TEXT},
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

    /** All columns of the input as a struct; only in tables of {@link #readWithInput}. */
    public static final String INPUT = "input";

    private static final Logger LOG = LoggerFactory.getLogger(SourceReader.class);

    /** Stands for bytes that are not in the encoding. */
    private static final String REPLACEMENT = "\uFFFD";

    /** Has a meaning in patterns; a colon is not taken by Hadoop's patterns. */
    private static final Pattern ODD = Pattern.compile("[\\[\\]{}*?\\\\:]");

    private static final String BLOCK = "_spark_lora_block";
    private static final String POSITION = "_spark_lora_position";

    private final SparkSession spark;
    private final Configuration hadoop;
    private final SourceConfig source;
    private final String[] roots;
    private final boolean odd;
    private final SourceFormat format;
    private final Map<String, String> options;
    private final Task task;
    private final Optional<String> label;

    private SourceReader(SparkSession spark, SourceConfig source, Task task, boolean labelled) {
        this.spark = spark;
        this.hadoop = spark.sparkContext().hadoopConfiguration();
        this.source = source;
        this.task = task;
        this.label = labelled ? Optional.of(source.label()) : Optional.empty();
        SourceFiles files = SourceFiles.of(source, hadoop);
        this.roots = files.roots().toArray(String[]::new);
        this.format = SourceFormat.of(source, files);
        this.options = format.options(source);
        this.odd = "true".equalsIgnoreCase(options.get("multiLine"))
                && files.read().stream().anyMatch(SourceReader::isOdd);
        String extension = SourceFormat.extension(files.read().get(0));
        files.skipped().stream()
                .filter(file -> SourceFormat.extension(file).equals(extension))
                .findFirst()
                .ifPresent(file -> LOG.warn("Spark skips {}, because a name begins with _ or .", file));
    }

    /**
     * Checks that a source has a data file and a known format. Needs no Spark session.
     *
     * @throws DataException if it does not
     */
    public static void requireFiles(SourceConfig source, Configuration hadoop) {
        SourceFormat.of(source, SourceFiles.of(source, hadoop));
    }

    /** Whether Hadoop would take a file's path for a pattern. The address before the path may have a port. */
    static boolean isOdd(String file) {
        return ODD.matcher(new Path(file).toUri().getPath()).find();
    }

    /** Reads labelled rows. */
    public static Dataset<Row> read(SparkSession spark, SourceConfig source, Task task) {
        return new SourceReader(spark, source, task, true).rows(false);
    }

    /** Reads rows without their labels, with all columns of the input in the struct {@value #INPUT}. */
    public static Dataset<Row> readWithInput(SparkSession spark, SourceConfig source, Task task) {
        return new SourceReader(spark, source, task, false).rows(true);
    }

    private Dataset<Row> rows(boolean withInput) {
        try {
            StructType schema = schema();
            requireColumns(schema);
            StructType read =
                    format == SourceFormat.PARQUET ? schema : schema.add(SourceFormat.MALFORMED, DataTypes.StringType);
            Dataset<Row> raw = load(spark.read().options(options).schema(read), roots);
            if (format.isDelimited() && "true".equalsIgnoreCase(options.get("header"))) {
                CsvHeaders.requireSame(
                        source, raw.inputFiles(), file -> inferred(spark, file).fieldNames(), hadoop);
            }
            Dataset<Row> numbered = numbered(raw, schema, withInput);
            requireWellFormed(numbered, schema);
            return numbered.drop(SourceFormat.MALFORMED);
        } catch (DataException e) {
            throw e;
        } catch (Exception e) {
            throw unreadable(e);
        }
    }

    /** Tells an unreadable source from a failure of the cluster. */
    private RuntimeException unreadable(Exception e) {
        List<Throwable> causes = ExceptionUtils.getThrowableList(e);
        Throwable root = causes.get(causes.size() - 1);
        boolean cluster = root instanceof InterruptedException
                || Stream.of("ExecutorLostFailure", "cancelled", "stopped SparkContext", "maxResultSize")
                        .anyMatch(causes.toString()::contains);
        if (cluster) {
            return e instanceof RuntimeException r ? r : new IllegalStateException(e);
        }
        // About a type that differs from file to file, the cause before names file and column.
        boolean type = root instanceof SchemaColumnConvertNotSupportedException;
        Throwable told = type ? causes.get(causes.size() - 2) : root;
        String message = told.getMessage() == null ? told.toString() : told.getMessage();
        if (message.contains("COLUMN_ALREADY_EXISTS")) {
            return twins(name -> true).orElseThrow();
        }
        return new DataException(
                "data.file.unreadable",
                "'" + source.path() + "' cannot be read: "
                        + StringUtils.abbreviate(
                                message.strip().lines().findFirst().orElse("").replaceFirst("[.;]+$", ""), "…", 600)
                        + "; check the file, its permissions, and format and options in the data section",
                e);
    }

    /**
     * Opens files. One is taken as it is. Several come from a pattern: if one of several paths looks like a pattern itself, Spark
     * reads all of them twice, even with the option.
     */
    private Dataset<Row> load(DataFrameReader reader, String... files) {
        boolean pattern = files.length > 1;
        String[] from = pattern ? new String[] {SourcePaths.path(source.path()).toString()} : files;
        return reader.format(format.sparkName())
                .option("__globPaths__", pattern)
                .load(from);
    }

    /**
     * Infers the columns of files. Spark looks for values of several lines through Hadoop's input formats, which take every path
     * for a pattern. In an odd path it looks at a CSV file's first line instead, and at a JSON file as if it were one line.
     */
    private StructType inferred(SparkSession session, String... files) {
        Map<String, String> json = format.isDelimited() ? Map.of() : Map.of("lineSep", "\u0001");
        DataFrameReader reader = session.read().options(options);
        return load(odd ? reader.option("multiLine", "false").options(json) : reader, files)
                .schema();
    }

    private StructType schema() {
        StructField[] fields = Arrays.stream(inferred(spark, roots).fields())
                .filter(f -> !f.name().equals(SourceFormat.MALFORMED))
                .toArray(StructField[]::new);
        if (fields.length == 0) {
            throw new DataException(
                    "data.file.empty",
                    "'" + source.path() + "' "
                            + (format == SourceFormat.JSON
                                    ? "has no line that is a JSON object; for JSON objects over several lines set options:"
                                            + " {multiLine: true}"
                                    : "is empty; it needs a header and at least one row"));
        }
        return new StructType(fields);
    }

    private void requireColumns(StructType schema) {
        List<String> names = Arrays.asList(schema.fieldNames());
        names().forEach(name -> {
            if (DatasetRows.like(name, schema.fieldNames()).isEmpty()) {
                throw twins(name::equalsIgnoreCase)
                        .orElseGet(() -> new DataException(
                                "data.column.missing",
                                "'" + source.path() + "' has no column '" + name + "'" + DidYouMean.hint(name, names)
                                        + " Its columns are " + DidYouMean.list(names)
                                        + "; name the right one in the data section" + hintOfHeader(names)));
            }
            requireType(name, field(name, schema).dataType());
        });
    }

    /** The columns that are read, as the job names them. */
    private Stream<String> names() {
        return Stream.of(Optional.of(source.text()), source.textPair(), label, source.weight())
                .flatMap(Optional::stream);
    }

    private static StructField field(String name, StructType schema) {
        return schema.apply(DatasetRows.like(name, schema.fieldNames()).get(0));
    }

    /** Reports columns that differ by case only. Spark numbers them, or refuses them and names one. */
    private Optional<DataException> twins(Predicate<String> asked) {
        SparkSession exact = spark.newSession();
        exact.conf().set("spark.sql.caseSensitive", "true");
        String[] names = inferred(exact, roots).fieldNames();
        return Stream.of(names)
                .filter(asked)
                .map(name -> DatasetRows.like(name, names))
                .filter(twins -> twins.size() > 1)
                .findFirst()
                .map(twins -> new DataException(
                        "data.column.ambiguous",
                        "'" + source.path() + "' has columns that differ by case only: " + DidYouMean.list(twins)
                                + "; rename all but one, or set spark.sql.caseSensitive to true"));
    }

    /** What the names of the columns say about a file that is read with another separator or encoding than its own. */
    private String hintOfHeader(List<String> names) {
        String all = String.join("", names);
        if (format.isDelimited() && (all.contains(REPLACEMENT) || all.indexOf('\0') >= 0)) {
            return ", or the file's encoding, for example options: {encoding: UTF-16}";
        }
        return Stream.of(";", "\t", "|", ",")
                .filter(separator -> format.isDelimited() && names.size() == 1 && all.contains(separator))
                .findFirst()
                .map(separator -> ", or the file's separator: options: {sep: '" + separator.replace("\t", "\\t") + "'}")
                .orElse("");
    }

    private void requireType(String name, DataType type) {
        boolean ofText = name.equals(source.text());
        boolean ofLabel = label.filter(name::equals).isPresent();
        boolean list = type instanceof ArrayType array && !isNested(array.elementType());
        boolean valid;
        String needed;
        if (task == Task.TOKEN_CLASSIFICATION && (ofText || ofLabel)) {
            valid = list;
            needed = "token_classification needs an array of " + (ofText ? "words" : "tags")
                    + " a row, as in JSON lines or Parquet";
        } else if (task == Task.MULTI_LABEL && ofLabel) {
            valid = list || !isNested(type);
            needed = "it must hold an array of labels a row, or a text with labels separated by |";
        } else {
            valid = !isNested(type);
            needed = "it must hold one text or number a row";
        }
        if (!valid) {
            throw new DataException(
                    "data.column.type",
                    "'" + source.path() + "': column '" + name + "' is of type " + type.simpleString() + "; " + needed);
        }
    }

    /** Whether values of the type hold other values. */
    public static boolean isNested(DataType type) {
        return type instanceof StructType || type instanceof ArrayType || type instanceof MapType;
    }

    /**
     * Adds file and row number. Spark packs splits of files into partitions by size, so only the order within a split is
     * reliable: rows are numbered by the start of their split, then by their position in it.
     */
    private Dataset<Row> numbered(Dataset<Row> raw, StructType schema, boolean withInput) {
        boolean parquet = format == SourceFormat.PARQUET;
        List<Column> columns = new ArrayList<>();
        columns.add(col("_metadata.file_path").as(FILE));
        if (parquet) {
            columns.add(col("_metadata.row_index").plus(1).as(ROW));
        } else {
            columns.add(col("_metadata.file_block_start").as(BLOCK));
            columns.add(monotonically_increasing_id().as(POSITION));
        }
        boolean tagged = task == Task.TOKEN_CLASSIFICATION;
        columns.add((tagged ? words(source.text()) : text(Optional.of(source.text()), schema)).as(TEXT));
        columns.add(text(source.textPair(), schema).as(TEXT_PAIR));
        columns.add(label(schema).as(LABEL));
        // NaN is no missing weight, which would count as 1, but a wrong one.
        columns.add(nonEmpty(source.weight()
                        .map(name -> DatasetRows.named(name).cast(DataTypes.StringType))
                        .orElse(lit(null).cast(DataTypes.StringType)))
                .as(WEIGHT));
        if (withInput) {
            Column[] all =
                    Arrays.stream(schema.fieldNames()).map(DatasetRows::named).toArray(Column[]::new);
            columns.add(struct(all).as(INPUT));
        }
        columns.add(
                (parquet ? text(Optional.empty(), schema) : col(SourceFormat.MALFORMED)).as(SourceFormat.MALFORMED));
        Dataset<Row> selected = raw.select(columns.toArray(new Column[0]));
        if (parquet) {
            return selected;
        }
        Column row = row_number()
                .over(Window.partitionBy(FILE).orderBy(BLOCK, POSITION))
                .cast(DataTypes.LongType);
        List<Column> ordered = new ArrayList<>(List.of(col(FILE), row.as(ROW)));
        Arrays.stream(selected.columns())
                .filter(c -> !List.of(FILE, BLOCK, POSITION).contains(c))
                .forEach(c -> ordered.add(col(c)));
        return selected.select(ordered.toArray(new Column[0]));
    }

    private static Column text(Optional<String> column, StructType schema) {
        if (column.isEmpty()) {
            return lit(null).cast(DataTypes.StringType);
        }
        Column text = DatasetRows.text(
                DatasetRows.named(column.get()), field(column.get(), schema).dataType());
        return nonEmpty(text);
    }

    private static Column nonEmpty(Column text) {
        return when(text.notEqual(lit("")), text);
    }

    private Column label(StructType schema) {
        if (label.isEmpty() || task == Task.CLASSIFICATION || task == Task.REGRESSION) {
            return text(label, schema);
        }
        String name = label.get();
        if (task == Task.TOKEN_CLASSIFICATION) {
            return words(name);
        }
        Column none = lit(TextLists.EMPTY);
        Column text = text(label, schema);
        return field(name, schema).dataType() instanceof ArrayType
                ? coalesce(to_json(strings(name)), none)
                : when(text.isNull(), none).otherwise(to_json(split(text, "\\|", -1)));
    }

    /** An array as JSON; null if it is missing or has no element. */
    private static Column words(String column) {
        return when(size(DatasetRows.named(column)).gt(0), to_json(strings(column)));
    }

    private static Column strings(String column) {
        return DatasetRows.named(column).cast(DataTypes.createArrayType(DataTypes.StringType));
    }

    /** Rows whose text, second text or label fulfils a condition. */
    private static Column anyText(UnaryOperator<Column> condition) {
        return Stream.of(TEXT, TEXT_PAIR, LABEL)
                .map(name -> coalesce(condition.apply(col(name)), lit(false)))
                .reduce(Column::or)
                .orElseThrow();
    }

    /** Rows that Spark writes unless told otherwise: a quote within quotes is escaped by a backslash, not by a quote. */
    private Column escapedByBackslash() {
        return format.isDelimited() && !sets("escape") && !sets("quote")
                ? anyText(text -> text.startsWith("\"").and(text.contains("\\\"")))
                : lit(false);
    }

    /** Rows with the character that stands for bytes which are not in the encoding. */
    private Column damaged() {
        boolean accepted = format == SourceFormat.PARQUET || sets("encoding") || sets("charset");
        return accepted ? lit(false) : anyText(text -> text.contains(REPLACEMENT));
    }

    /** Whether the job sets an option of the reader. */
    private boolean sets(String option) {
        return source.options().keySet().stream().anyMatch(option::equalsIgnoreCase);
    }

    /** Refuses rows to train or evaluate on; only warns of rows to predict, whose options are those of the training. */
    private void refuseMisread(Row seen) {
        misread(
                seen,
                4,
                "data.row.escape",
                ": a quote within quotes is written as \\\", as Spark writes it, but is read as \"\"; set options: {escape: '\\'}"
                        + " in the data section, or accept the row as it is with {escape: '\"'}");
        misread(
                seen,
                5,
                "data.text.encoding",
                " has bytes that are not UTF-8; name the file's encoding in the data section, for example options: {encoding:"
                        + " windows-1252}, or accept the row as it is with {encoding: UTF-8}");
    }

    private void misread(Row seen, int column, String code, String problem) {
        if (seen.isNullAt(column)) {
            return;
        }
        Row first = seen.getStruct(column);
        DataException misread =
                new DataException(code, InputRow.location(first.getString(0), first.getLong(1)) + problem);
        if (label.isPresent()) {
            throw misread;
        }
        LOG.warn(misread.getMessage());
    }

    private void requireWellFormed(Dataset<Row> numbered, StructType schema) {
        Column malformed = col(SourceFormat.MALFORMED);
        Column place = struct(col(FILE), col(ROW));
        // Spark refuses to query the column of malformed rows alone, so the text is counted too.
        Row seen = numbered.agg(
                        count(lit(1)),
                        count(malformed),
                        min(when(malformed.isNotNull(), struct(col(FILE), col(ROW), malformed))),
                        count(col(TEXT)),
                        min(when(escapedByBackslash(), place)),
                        min(when(damaged(), place)),
                        count(when(anyText(text -> text.rlike("^[\\[{]")), true)),
                        // Whether a file has another type for a column shows only when the column is read.
                        count(format == SourceFormat.PARQUET ? to_json(struct(col("*"))) : malformed))
                .head();
        if (seen.getLong(0) == 0) {
            throw new DataException(
                    "data.file.empty",
                    "'" + source.path() + "' has " + (format.isDelimited() ? "a header but no rows" : "no rows")
                            + "; it needs at least one row");
        }
        long bad = seen.getLong(1);
        if (bad > 0) {
            Row first = seen.getStruct(2);
            String text = StringUtils.abbreviate(first.getString(2).strip().replaceAll("\\s+", " "), "…", 60);
            throw new DataException(
                    "data.row.malformed",
                    InputRow.location(first.getString(0), first.getLong(1)) + ": "
                            + (format.isDelimited()
                                    ? "the row does not have the " + schema.length() + " fields of the header"
                                    : "this is not a JSON object")
                            + ": " + text + (bad > 1 ? " (the first of " + bad + " such rows)" : "")
                            + (format.isDelimited()
                                    ? "; quote fields that contain a comma, a quote or a line break"
                                            + (text.contains("\\\"") ? ", or set options: {escape: '\\'} for \\\"" : "")
                                    : "; write one object a line, or set options: {multiLine: true}"));
        }
        refuseMisread(seen);
        if (format == SourceFormat.JSON && seen.getLong(6) > 0) {
            names().map(name -> field(name, schema))
                    .filter(field -> field.dataType() instanceof StringType)
                    .forEach(field -> refuseNested(field.name(), schema));
        }
    }

    /**
     * Refuses a field that is a list or an object in some rows and a text in others: Spark reads all of them as text. Reading the
     * field as a list finds the rows.
     */
    private void refuseNested(String name, StructType schema) {
        DataType text = DataTypes.StringType;
        for (DataType nested : List.of(DataTypes.createArrayType(text), DataTypes.createMapType(text, text))) {
            StructField[] as = schema.add(SourceFormat.MALFORMED, text).fields();
            as[schema.fieldIndex(name)] = DataTypes.createStructField(name, nested, true);
            StructType read = new StructType(as);
            Dataset<Row> rows = numbered(load(spark.read().options(options).schema(read), roots), schema, true);
            rows.where(col(INPUT).getField(name).isNotNull()).takeAsList(1).forEach(row -> {
                throw new DataException(
                        "data.column.type",
                        InputRow.location(row.getAs(FILE), row.getAs(ROW)) + ": '" + name
                                + "' is a list or an object, but a text in other rows; write it in the same form everywhere");
            });
        }
    }
}
