package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.monotonically_increasing_id;
import static org.apache.spark.sql.functions.size;
import static org.apache.spark.sql.functions.split;
import static org.apache.spark.sql.functions.struct;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

/** Converts the columns of a source to those of {@link SourceReader}'s table, all as text. */
record SourceColumns(SourceSchema schema) {

    /** Column of a number that grows from row to row of a split, a long. It is another one for each row. */
    static final String POSITION = "_spark_lora_position";

    /** Column of the source's condition. */
    static final String WHERE = "_spark_lora_where";

    /** Converts rows that {@link SourceScan} read; places and unparsed text stay, {@link #POSITION} is new. */
    Dataset<Row> of(Dataset<Row> rows, boolean withInput) {
        SourceConfig source = schema.scan().source;
        boolean tagged = schema.task() == Task.TOKEN_CLASSIFICATION;
        List<Column> columns = new ArrayList<>(List.of(
                col(SourceScan.FILE),
                col(SourceScan.SPLIT),
                monotonically_increasing_id().as(POSITION),
                (tagged ? words(source.text()) : text(Optional.of(source.text()))).as(SourceReader.TEXT),
                text(source.textPair()).as(SourceReader.TEXT_PAIR),
                label().as(SourceReader.LABEL),
                // NaN is no missing weight, which would count as 1, but a wrong one.
                nonEmpty(source.weight()
                                .map(name -> DatasetRows.named(name).cast(DataTypes.StringType))
                                .orElse(lit(null).cast(DataTypes.StringType)))
                        .as(SourceReader.WEIGHT)));
        schema.key().ifPresent(key -> columns.add(text(schema.key()).as(SourceReader.KEY)));
        if (withInput) {
            Stream<Column> all = Arrays.stream(schema.all().fieldNames()).map(DatasetRows::named);
            columns.add(struct(all.toArray(Column[]::new)).as(SourceReader.INPUT));
        }
        boolean text = schema.scan().format.isText();
        columns.add((text ? col(SourceFormat.MALFORMED) : text(Optional.empty())).as(SourceFormat.MALFORMED));
        // Rows of files are numbered before some are left out; a table has left them out already.
        Optional<String> where = source.selection().where().filter(all -> schema.scan().format != SourceFormat.TABLE);
        columns.add(where.map(functions::expr).orElse(lit(true)).as(WHERE));
        return rows.select(columns.toArray(Column[]::new));
    }

    private Column text(Optional<String> column) {
        return column.map(name -> nonEmpty(DatasetRows.text(DatasetRows.named(name), schema.type(name))))
                .orElse(lit(null).cast(DataTypes.StringType));
    }

    private static Column nonEmpty(Column text) {
        return when(text.notEqual(lit("")), text);
    }

    private Column label() {
        Optional<String> label = schema.label();
        if (label.isEmpty() || schema.task() == Task.CLASSIFICATION || schema.task() == Task.REGRESSION) {
            return text(label);
        }
        String name = label.get();
        if (schema.task() == Task.TOKEN_CLASSIFICATION) {
            return words(name);
        }
        Column none = lit(TextLists.EMPTY);
        Column text = text(label);
        return schema.type(name) instanceof ArrayType
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
}
