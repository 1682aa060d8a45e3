package org.sparklora.driver.ml;

import static org.apache.spark.sql.functions.array;
import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.element_at;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.max;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.split;
import static org.apache.spark.sql.functions.to_json;
import static org.apache.spark.sql.functions.when;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.spark.ml.attribute.Attribute;
import org.apache.spark.ml.attribute.NominalAttribute;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.slf4j.LoggerFactory;
import org.sparklora.driver.cluster.data.DatasetRows;

/**
 * A label column as texts.
 *
 * @param text each row's label
 * @param labels the labels by index, where the column tells them
 */
record LabelColumn(Column text, Optional<List<String>> labels) {

    private static final int MAX_CLASSES = 10_000;

    LabelColumn(Column text) {
        this(text, Optional.empty());
    }

    /**
     * Texts, true and false are labels as they are. Whole numbers from 0 are class indices, as Spark's classifiers take them: by
     * the names that a StringIndexer left in the column's metadata, else by their digits, and as many classes as the largest
     * says. If some whole numbers are negative, all are labels by their digits.
     */
    static LabelColumn ofClasses(Dataset<?> rows, String name) {
        Column column = DatasetRows.named(name);
        StructField field = rows.schema().apply(Schemas.name(rows.schema(), name, "labelCol"));
        if (!(field.dataType() instanceof NumericType)) {
            return new LabelColumn(column);
        }
        // In ANSI mode Spark refuses to cast what does not fit.
        Column index = when(column.between(-MAX_CLASSES, MAX_CLASSES), column.cast(DataTypes.IntegerType));
        Column whole = coalesce(index.equalTo(column), lit(false));
        // A value that is not an index stays as it is; the data reader refuses it by row, like any unknown label.
        Column wrong = column.cast(DataTypes.StringType);
        Optional<List<String>> named = names(field);
        if (named.isPresent()) {
            Column[] names = named.get().stream().map(label -> lit(label)).toArray(Column[]::new);
            Column known = whole.and(index.between(0, names.length - 1));
            return new LabelColumn(
                    when(known, element_at(array(names), index.plus(1))).otherwise(wrong), named);
        }
        Column text = when(whole, index.cast(DataTypes.StringType)).otherwise(wrong);
        Column number = column.cast(DataTypes.DoubleType);
        Row range = rows.select(min(number), max(number), min(whole)).first();
        if (!range.isNullAt(0) && range.getDouble(0) < 0 && range.getBoolean(2)) {
            LoggerFactory.getLogger(LabelColumn.class)
                    .warn("labelCol '{}' has negative values: they are class names, predictions are indices", name);
            return new LabelColumn(text);
        }
        double largest = range.isNullAt(1) ? 0 : range.getDouble(1);
        if (!(largest < MAX_CLASSES)) {
            throw Schemas.refusal(
                    "data.label.invalid",
                    "labelCol '" + name + "' holds " + largest + "; class indices are whole"
                            + " numbers from 0, and there are at most " + MAX_CLASSES + " classes");
        }
        int classes = Math.max(2, (int) Math.floor(largest) + 1);
        return new LabelColumn(
                text,
                Optional.of(
                        IntStream.range(0, classes).mapToObj(Integer::toString).toList()));
    }

    /** Any number of labels a row, as the data reader has them: a JSON array. A row without any has none. */
    static LabelColumn ofSets(Dataset<?> rows, String name) {
        Column column = DatasetRows.named(name);
        boolean text = rows.schema()
                        .apply(Schemas.name(rows.schema(), name, "labelCol"))
                        .dataType()
                instanceof StringType;
        Column none = lit("[]");
        Column array = text
                ? when(column.isNull().or(column.equalTo("")), none).otherwise(to_json(split(column, "\\|", -1)))
                : coalesce(to_json(column), none);
        return new LabelColumn(array);
    }

    private static Optional<List<String>> names(StructField field) {
        if (!field.metadata().contains("ml_attr")) {
            return Optional.empty();
        }
        Attribute attribute = Attribute.fromStructField(field);
        if (attribute instanceof NominalAttribute nominal && nominal.values().isDefined()) {
            return Optional.of(Arrays.asList(nominal.values().get()));
        }
        return Optional.empty();
    }
}
