package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.commons.lang3.StringUtils;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.cluster.data.RowNumbers.Split;

/** Reads all rows once to count them and to find those that Spark could not read, or read otherwise than they were meant. */
record SourceChecks(SourceSchema schema) {

    private static final Logger LOG = LoggerFactory.getLogger(SourceChecks.class);

    /**
     * Counts and checks rows.
     *
     * @param rows a table that {@link SourceColumns} made
     * @throws DataException for the first row, by file and row, that cannot be used, or if there are no rows
     */
    RowNumbers number(Dataset<Row> rows) {
        SourceFormat format = schema.scan().format;
        Column malformed = col(SourceFormat.MALFORMED);
        Column position = col(SourceColumns.POSITION);
        // Spark refuses to query the column of malformed rows alone, so the text is counted too.
        List<Row> seen = rows.groupBy(SourceScan.FILE, SourceScan.SPLIT)
                .agg(
                        min(position),
                        count(lit(1)),
                        count(malformed),
                        min(when(malformed.isNotNull(), position)),
                        min(when(escapedByBackslash(), position)),
                        min(when(damaged(), position)),
                        count(when(anyText(text -> text.rlike("^[\\[{]")), true)),
                        count(col(SourceReader.TEXT)),
                        // Whether a file has another type for a column shows only when the column is read.
                        count(format == SourceFormat.PARQUET ? to_json(struct(col("*"))) : malformed))
                .collectAsList();
        if (seen.isEmpty()) {
            throw new DataException(
                    "data.file.empty",
                    "'" + schema.scan().source.name() + "' has "
                            + (format.isDelimited() ? "a header but no rows" : "no rows")
                            + "; it needs at least one row");
        }
        RowNumbers numbers = new RowNumbers(seen.stream()
                .map(split -> new Split(place(split), split.getLong(2), split.getLong(3)))
                .toList());
        first(seen, 5).ifPresent(bad -> {
            throw malformed(
                    rows.where(position.equalTo(bad.getLong(5))).head().getAs(SourceFormat.MALFORMED),
                    location(bad, 5, numbers),
                    seen.stream().mapToLong(split -> split.getLong(4)).sum());
        });
        refuseMisread(seen, numbers);
        if (format == SourceFormat.JSON && seen.stream().anyMatch(split -> split.getLong(8) > 0)) {
            schema.names()
                    .filter(name -> schema.type(name) instanceof StringType)
                    .forEach(name -> refuseNested(name, numbers));
        }
        return numbers;
    }

    /** The first split with a position in a column. */
    private static Optional<Row> first(List<Row> seen, int column) {
        return seen.stream().filter(split -> !split.isNullAt(column)).min(Comparator.comparing(SourceChecks::place));
    }

    private static Place place(Row split) {
        return new Place(split.getString(0), split.getLong(1));
    }

    private static String location(Row split, int column, RowNumbers numbers) {
        return InputRow.location(new Place(split.getString(0), numbers.at(split.getLong(column))));
    }

    private DataException malformed(String row, String location, long rows) {
        boolean delimited = schema.scan().format.isDelimited();
        String text = StringUtils.abbreviate(row.strip().replaceAll("\\s+", " "), "…", 60);
        return new DataException(
                "data.row.malformed",
                location + ": "
                        + (delimited
                                ? "the row does not have the " + schema.all().length() + " fields of the header"
                                : "this is not a JSON object")
                        + ": " + text + (rows > 1 ? " (the first of " + rows + " such rows)" : "")
                        + (delimited
                                ? "; quote fields that contain a comma, a quote or a line break"
                                        + (text.contains("\\\"") ? ", or set options: {escape: '\\'} for \\\"" : "")
                                : "; write one object a line, or set options: {multiLine: true}"));
    }

    /** Rows whose text, second text or label fulfils a condition. */
    private static Column anyText(UnaryOperator<Column> condition) {
        return Stream.of(SourceReader.TEXT, SourceReader.TEXT_PAIR, SourceReader.LABEL)
                .map(name -> coalesce(condition.apply(col(name)), lit(false)))
                .reduce(Column::or)
                .orElseThrow();
    }

    /** Rows that Spark writes unless told otherwise: a quote within quotes is escaped by a backslash, not by a quote. */
    private Column escapedByBackslash() {
        return schema.scan().format.isDelimited() && !sets("escape") && !sets("quote")
                ? anyText(text -> text.startsWith("\"").and(text.contains("\\\"")))
                : lit(false);
    }

    /** Rows with the character that stands for bytes which are not in the encoding. */
    private Column damaged() {
        boolean accepted = schema.scan().format == SourceFormat.PARQUET || sets("encoding") || sets("charset");
        return accepted ? lit(false) : anyText(text -> text.contains(SourceFormat.REPLACEMENT));
    }

    /** Whether the job sets an option of the reader. */
    private boolean sets(String option) {
        return schema.scan().source.options().keySet().stream().anyMatch(option::equalsIgnoreCase);
    }

    /** Refuses rows to train or evaluate on; only warns of rows to predict, whose options are those of the training. */
    private void refuseMisread(List<Row> seen, RowNumbers numbers) {
        misread(
                seen,
                6,
                numbers,
                "data.row.escape",
                ": a quote within quotes is written as \\\", as Spark writes it, but is read as \"\"; set options: {escape: '\\'}"
                        + " in the data section of a job file, or accept the row as it is with {escape: '\"'}");
        misread(
                seen,
                7,
                numbers,
                "data.text.encoding",
                " has bytes that are not UTF-8; name the file's encoding in the data section of a job file, for example options: {encoding:"
                        + " windows-1252}, or accept the row as it is with {encoding: UTF-8}");
    }

    private void misread(List<Row> seen, int column, RowNumbers numbers, String code, String problem) {
        first(seen, column).ifPresent(split -> {
            DataException misread = new DataException(code, location(split, column, numbers) + problem);
            if (schema.label().isPresent()) {
                throw misread;
            }
            LOG.warn(misread.getMessage());
        });
    }

    /**
     * Refuses a field that is a list or an object in some rows and a text in others: Spark reads all of them as text. Reading the
     * field as a list finds the rows.
     */
    private void refuseNested(String name, RowNumbers numbers) {
        DataType text = DataTypes.StringType;
        String field = DatasetRows.like(name, schema.all().fieldNames()).get(0);
        for (DataType nested : List.of(DataTypes.createArrayType(text), DataTypes.createMapType(text, text))) {
            StructField[] fields = schema.read().fields();
            fields[schema.all().fieldIndex(field)] = DataTypes.createStructField(field, nested, true);
            Dataset<Row> rows = new SourceColumns(schema).of(schema.scan().rows(new StructType(fields)), true);
            List<Row> seen = rows.where(col(SourceReader.INPUT).getField(field).isNotNull())
                    .groupBy(SourceScan.FILE, SourceScan.SPLIT)
                    .agg(min(SourceColumns.POSITION))
                    .collectAsList();
            first(seen, 2).ifPresent(split -> {
                throw new DataException(
                        "data.column.type",
                        location(split, 2, numbers) + ": '" + field
                                + "' is a list or an object, but a text in other rows; write it in the same form everywhere");
            });
        }
    }
}
