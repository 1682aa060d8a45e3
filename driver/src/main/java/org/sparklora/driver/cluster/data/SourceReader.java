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
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.expressions.Window;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * Reads a source as a table of {@value #FILE}, {@value #ROW} (from 1 within its file), {@value #TEXT},
 * {@value #TEXT_PAIR}, {@value #LABEL} and {@value #WEIGHT}, all but the row as text; what is missing or empty is null.
 * Lists (label sets, words, tags) are JSON arrays as text, whatever the source spells them like: see {@link TextLists}.
 *
 * <p>Reading checks the whole input once, so a malformed row is reported here. The table itself is lazy and parses the
 * input anew each time it is used: persist it where several passes follow.
 *
 * <p>In a CSV file with Windows line ends, a line break within quotes is read as a line feed: Spark's parser does that.
 */
public final class SourceReader {

    /** Column of the file's name, text. */
    public static final String FILE = "file";
    /** Column of the row's number within its file, from 1, a long. */
    public static final String ROW = "row";
    /** Column of the first text, or of words as a JSON array. */
    public static final String TEXT = "text";
    /** Column of the second text; null for single texts. */
    public static final String TEXT_PAIR = "text_pair";
    /** Column of the label as text; of several as a JSON array. */
    public static final String LABEL = "label";
    /** Column of the weight as text; null where every row counts 1. */
    public static final String WEIGHT = "weight";

    /** All columns of the input, as a struct; only where asked for. */
    public static final String INPUT = "input";

    private static final String BLOCK = "_spark_lora_block";
    private static final String POSITION = "_spark_lora_position";

    private final SparkSession spark;
    private final Source source;
    private final SourceFormat format;
    private final Map<String, String> options;
    private final RowKind kind;

    private SourceReader(SparkSession spark, Source source, RowKind kind) {
        this.spark = spark;
        this.source = source;
        this.kind = kind;
        String name = SourceFormat.name(source, spark.sparkContext().hadoopConfiguration());
        this.format = SourceFormat.of(source, name);
        this.options = format.options(source, name);
    }

    /** Refuses a source without a data file, or of an unknown format: what can be told before Spark starts. */
    public static void requireFiles(Source source, Configuration hadoop) {
        SourceFormat.of(source, SourceFormat.name(source, hadoop));
    }

    /** The rows of a source with one text and one label each. */
    public static Dataset<Row> read(SparkSession spark, Source source) {
        return read(spark, source, RowKind.ONE_LABEL);
    }

    /** The rows of a source. */
    public static Dataset<Row> read(SparkSession spark, Source source, RowKind kind) {
        return new SourceReader(spark, source, kind).rows(false);
    }

    /** The rows of a source, with all its own columns in the struct {@value #INPUT}. */
    public static Dataset<Row> readWithInput(SparkSession spark, Source source, RowKind kind) {
        return new SourceReader(spark, source, kind).rows(true);
    }

    private Dataset<Row> rows(boolean withInput) {
        try {
            StructType schema = schema();
            requireColumns(schema);
            Dataset<Row> raw = reader().schema(withMalformed(schema)).load(source.path());
            if (format == SourceFormat.CSV && "true".equalsIgnoreCase(options.get("header"))) {
                new CsvHeaders(spark.sparkContext().hadoopConfiguration(), file -> columns(reader().load(file)))
                        .requireSame(source, raw.inputFiles());
            }
            Dataset<Row> numbered = numbered(raw, schema, withInput);
            requireWellFormed(numbered, schema);
            return numbered.drop(SourceFormat.MALFORMED);
        } catch (DataException e) {
            throw e;
        } catch (Exception e) {
            throw SparkFailures.reading(source, e);
        }
    }

    private DataFrameReader reader() {
        return spark.read().format(format.sparkName()).options(options);
    }

    private StructType schema() {
        Dataset<Row> raw = reader().load(source.path());
        List<StructField> fields = Arrays.stream(raw.schema().fields())
                .filter(f -> !f.name().equals(SourceFormat.MALFORMED))
                .toList();
        if (fields.isEmpty()) {
            throw new DataException("'" + source.path() + "' "
                    + (format == SourceFormat.JSON
                            ? "holds no line that is a JSON object; for JSON over several lines set options: {multiLine: true}"
                            : "is empty; it needs a header and at least one row"));
        }
        return new StructType(fields.toArray(new StructField[0]));
    }

    private StructType withMalformed(StructType schema) {
        return format == SourceFormat.PARQUET ? schema : schema.add(SourceFormat.MALFORMED, DataTypes.StringType);
    }

    private static List<String> columns(Dataset<Row> raw) {
        return Arrays.asList(raw.columns());
    }

    private void requireColumns(StructType schema) {
        List<String> there = Arrays.asList(schema.fieldNames());
        List<String> wanted = new ArrayList<>(List.of(source.text()));
        source.textPair().ifPresent(wanted::add);
        source.label().ifPresent(wanted::add);
        source.weight().ifPresent(wanted::add);
        for (String name : wanted) {
            if (!there.contains(name)) {
                throw new DataException("'" + source.path() + "' has no column '" + name + "'"
                        + DidYouMean.hint(name, there) + " Its columns are " + DidYouMean.list(there)
                        + "; name the right one in the data section");
            }
            requireType(name, schema.apply(name).dataType());
        }
    }

    private void requireType(String name, DataType type) {
        boolean ofText = name.equals(source.text());
        boolean ofLabel = source.label().filter(name::equals).isPresent();
        boolean list = type instanceof ArrayType array && !isNested(array.elementType());
        if (kind == RowKind.TAGGED_WORDS && (ofText || ofLabel)) {
            if (!list) {
                throw new DataException("'" + source.path() + "': column '" + name + "' is of type "
                        + type.simpleString() + "; token_classification needs an array of "
                        + (ofText ? "words" : "tags") + " a row, which JSON lines and Parquet can hold");
            }
        } else if (kind == RowKind.LABEL_SET && ofLabel) {
            if (isNested(type) && !list) {
                throw new DataException("'" + source.path() + "': column '" + name + "' is of type "
                        + type.simpleString() + "; it must hold an array of labels a row, or a text: labels separated"
                        + " by |");
            }
        } else if (isNested(type)) {
            throw new DataException("'" + source.path() + "': column '" + name + "' is of type " + type.simpleString()
                    + "; it must hold one text or number a row");
        }
    }

    private static boolean isNested(DataType type) {
        return type instanceof StructType || type instanceof ArrayType || type instanceof MapType;
    }

    /**
     * Adds file and row. Spark packs the pieces of files into partitions by size, so the only order that holds is the
     * one within a piece: rows are numbered by the piece's start and then by position.
     */
    private Dataset<Row> numbered(Dataset<Row> raw, StructType schema, boolean withInput) {
        List<Column> columns = new ArrayList<>();
        columns.add(col("_metadata.file_path").as(FILE));
        if (format == SourceFormat.PARQUET) {
            columns.add(col("_metadata.row_index").plus(1).as(ROW));
        } else {
            columns.add(col("_metadata.file_block_start").as(BLOCK));
            columns.add(monotonically_increasing_id().as(POSITION));
        }
        columns.add((kind == RowKind.TAGGED_WORDS ? words(source.text()) : text(Optional.of(source.text()))).as(TEXT));
        columns.add(text(source.textPair()).as(TEXT_PAIR));
        columns.add(label(schema).as(LABEL));
        columns.add(text(source.weight()).as(WEIGHT));
        if (withInput) {
            Column[] all =
                    Arrays.stream(schema.fieldNames()).map(SourceReader::named).toArray(Column[]::new);
            columns.add(struct(all).as(INPUT));
        }
        columns.add(
                format == SourceFormat.PARQUET
                        ? lit(null).cast(DataTypes.StringType).as(SourceFormat.MALFORMED)
                        : col(SourceFormat.MALFORMED));
        Dataset<Row> selected = raw.select(columns.toArray(new Column[0]));
        if (format == SourceFormat.PARQUET) {
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

    private static Column text(Optional<String> column) {
        if (column.isEmpty()) {
            return lit(null).cast(DataTypes.StringType);
        }
        Column text = named(column.get()).cast(DataTypes.StringType);
        return when(text.notEqual(lit("")), text);
    }

    private Column label(StructType schema) {
        if (source.label().isEmpty() || kind == RowKind.ONE_LABEL) {
            return text(source.label());
        }
        String name = source.label().get();
        if (kind == RowKind.TAGGED_WORDS) {
            return words(name);
        }
        Column none = lit(TextLists.EMPTY);
        Column text = text(source.label());
        return schema.apply(name).dataType() instanceof ArrayType
                ? coalesce(to_json(strings(name)), none)
                : when(text.isNull(), none).otherwise(to_json(split(text, "\\|", -1)));
    }

    /** An array that is missing or has no element is null. */
    private static Column words(String column) {
        return when(size(named(column)).gt(0), to_json(strings(column)));
    }

    private static Column strings(String column) {
        return named(column).cast(DataTypes.createArrayType(DataTypes.StringType));
    }

    private static Column named(String column) {
        return col("`" + column.replace("`", "``") + "`");
    }

    private void requireWellFormed(Dataset<Row> numbered, StructType schema) {
        Column malformed = col(SourceFormat.MALFORMED);
        // Spark refuses a query of malformed rows alone, so the text is counted too.
        Row seen = numbered.agg(
                        count(lit(1)),
                        count(malformed),
                        min(when(malformed.isNotNull(), struct(col(FILE), col(ROW), malformed))),
                        count(col(TEXT)))
                .head();
        if (seen.getLong(0) == 0) {
            throw new DataException("'" + source.path() + "' has "
                    + (format == SourceFormat.CSV ? "a header but no rows" : "no rows")
                    + "; it needs at least one");
        }
        if (seen.getLong(1) > 0) {
            Row first = seen.getStruct(2);
            String text = first.getString(2).strip().replaceAll("\\s+", " ");
            throw new DataException(InputRow.place(first.getString(0), first.getLong(1)) + ": "
                    + (format == SourceFormat.CSV
                            ? "the row does not have the " + schema.length() + " fields of the header"
                            : "this is no JSON object")
                    + ": " + (text.length() > 60 ? text.substring(0, 60) + "…" : text)
                    + InputRow.more(seen.getLong(1))
                    + (format == SourceFormat.CSV
                            ? "; put fields that hold a comma, a quote or a line break into double quotes"
                            : "; write one object a line, or set options: {multiLine: true}"));
        }
    }
}
