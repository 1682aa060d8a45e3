package org.sparklora.driver.cluster.data;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

/**
 * The columns of a source, checked: those that the job names are there, once, and of a type that the task can use.
 *
 * @param all columns as Spark infers them
 * @param label the label's column; empty for rows to predict
 * @param key the column of {@link SourceReader#KEY}; empty if rows have none
 */
record SourceSchema(SourceScan scan, StructType all, Task task, Optional<String> label, Optional<String> key) {

    /** Infers and checks the columns. */
    static SourceSchema of(SourceScan scan, Task task, boolean labelled, Optional<String> key) {
        StructField[] fields = Arrays.stream(scan.infer().fields())
                .filter(f -> !f.name().equals(SourceFormat.MALFORMED))
                .toArray(StructField[]::new);
        SourceConfig source = scan.source;
        if (fields.length == 0) {
            throw new DataException(
                    "data.file.empty",
                    "'" + source.name() + "' "
                            + (scan.format == SourceFormat.JSON
                                    ? "has no line that is a JSON object; for JSON objects over several lines set options:"
                                            + " {multiLine: true}"
                                    : "is empty; it needs a header and at least one row"));
        }
        Optional<String> label = labelled ? Optional.of(source.label()) : Optional.empty();
        SourceSchema schema = new SourceSchema(scan, new StructType(fields), task, label, key);
        schema.names().forEach(schema::require);
        return schema;
    }

    /** The columns to read: all, and the text of a row that cannot be parsed. */
    StructType read() {
        return scan.format.isText() ? all.add(SourceFormat.MALFORMED, DataTypes.StringType) : all;
    }

    /** The columns that the job names, as it names them. */
    Stream<String> names() {
        SourceConfig source = scan.source;
        return Stream.of(Optional.of(source.text()), source.textPair(), label, source.weight(), key)
                .flatMap(Optional::stream);
    }

    /** The type of a column that the job names. */
    DataType type(String name) {
        return all.apply(DatasetRows.like(name, all.fieldNames()).get(0)).dataType();
    }

    private void require(String name) {
        List<String> names = Arrays.asList(all.fieldNames());
        if (DatasetRows.like(name, all.fieldNames()).size() != 1) {
            throw ambiguous(scan, name::equalsIgnoreCase)
                    .orElseGet(() -> new DataException(
                            "data.column.missing",
                            "'" + scan.source.name() + "' has no column '" + name + "'"
                                    + DidYouMean.hint(name, names) + " Its columns are " + DidYouMean.list(names)
                                    + "; name the right one in the data section or with --text, --text-pair or --label"
                                    + hintOfHeader(names)));
        }
        requireType(name, type(name));
    }

    /** Reports columns that differ by case only. Spark numbers them, or refuses them and names one. */
    static Optional<DataException> ambiguous(SourceScan scan, Predicate<String> asked) {
        String[] names = scan.exactNames();
        return Stream.of(names)
                .filter(asked)
                .map(name -> DatasetRows.like(name, names))
                .filter(twins -> twins.size() > 1)
                .findFirst()
                .map(twins -> new DataException(
                        "data.column.ambiguous",
                        "'" + scan.source.name() + "' has columns that differ by case only: " + DidYouMean.list(twins)
                                + "; rename all but one, or set spark.sql.caseSensitive to true"));
    }

    /** What the names of the columns say about a file that is read with another separator or encoding than its own. */
    private String hintOfHeader(List<String> names) {
        String joined = String.join("", names);
        boolean delimited = scan.format.isDelimited();
        if (delimited && (joined.contains(SourceFormat.REPLACEMENT) || joined.indexOf('\0') >= 0)) {
            return ", or the file's encoding, for example options: {encoding: UTF-16}";
        }
        return Stream.of(";", "\t", "|", ",")
                .filter(separator -> delimited && names.size() == 1 && joined.contains(separator))
                .findFirst()
                .map(separator -> ", or the file's separator: options: {sep: '" + separator.replace("\t", "\\t") + "'}")
                .orElse("");
    }

    private void requireType(String name, DataType type) {
        boolean ofText = name.equals(scan.source.text());
        boolean ofLabel = label.filter(name::equals).isPresent();
        boolean list = type instanceof ArrayType array && !SourceReader.isNested(array.elementType());
        boolean valid;
        String needed;
        if (task == Task.TOKEN_CLASSIFICATION && (ofText || ofLabel)) {
            valid = list;
            needed = "token_classification needs an array of " + (ofText ? "words" : "tags")
                    + " a row, as in JSON lines or Parquet";
        } else if (task == Task.MULTI_LABEL && ofLabel) {
            valid = list || !SourceReader.isNested(type);
            needed = "it must hold an array of labels a row, or a text with labels separated by |";
        } else {
            valid = !SourceReader.isNested(type);
            needed = "it must hold one text or number a row";
        }
        if (!valid) {
            String problem = "': column '" + name + "' is of type " + type.simpleString() + "; " + needed;
            throw new DataException("data.column.type", "'" + scan.source.name() + problem);
        }
    }
}
