package org.sparklora.driver.model.predict;

import java.util.List;
import java.util.Locale;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.api.java.UDF2;
import org.apache.spark.sql.api.java.UDF3;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.CodedException;
import scala.collection.Seq;

/**
 * A function of SQL that gives the last output column of one row. Its arguments are the columns that models and scorer read.
 *
 * <p>Spark calls it row by row, so each row is a batch of its own. It opens its models once a task; outside of tasks, where Spark
 * computes constants while it plans, once a row.
 */
public final class RowFunction
        implements UDF1<Object, @Nullable Object>,
                UDF2<Object, Object, @Nullable Object>,
                UDF3<Object, Object, Object, @Nullable Object> {

    private static final long serialVersionUID = 1L;

    private final String name;
    private final StructType arguments;
    private final RowModels models;
    private final RowScorer scorer;

    private transient RowModels.@Nullable Opened opened;

    /**
     * @param name of the function, for messages
     * @param arguments name and type of each
     */
    public RowFunction(String name, StructType arguments, RowModels models, RowScorer scorer) {
        this.name = name;
        this.arguments = arguments;
        this.models = models;
        this.scorer = scorer;
    }

    @Override
    public @Nullable Object call(@Nullable Object text) {
        return of(text);
    }

    @Override
    public @Nullable Object call(@Nullable Object text, @Nullable Object second) {
        return of(text, second);
    }

    @Override
    public @Nullable Object call(@Nullable Object text, @Nullable Object pair, @Nullable Object key) {
        return of(text, pair, key);
    }

    private @Nullable Object of(@Nullable Object... values) {
        for (int i = 0; i < values.length; i++) {
            require(arguments.apply(i), values[i]);
        }
        List<Row> row = List.of(RowFactory.create(values));
        TaskContext task = TaskContext.get();
        if (task == null) {
            try (RowModels.Opened once = models.open()) {
                return last(once, row);
            }
        }
        RowModels.Opened there = opened;
        if (there == null) {
            RowModels.Opened mine = models.open();
            TaskCompletionListener close = ended -> mine.close();
            task.addTaskCompletionListener(close);
            opened = mine;
            there = mine;
        }
        return last(there, row);
    }

    private @Nullable Object last(RowModels.Opened from, List<Row> row) {
        Object[] outputs = scorer.score(from.of(row), row).get(0);
        return outputs == null ? null : outputs[outputs.length - 1];
    }

    private void require(StructField argument, @Nullable Object value) {
        DataType type = argument.dataType();
        boolean fits = type instanceof ArrayType ? value instanceof Seq : value instanceof String;
        if (value != null && !fits) {
            String given = value.getClass().getSimpleName().toUpperCase(Locale.ROOT);
            throw new IllegalArgumentException(CodedException.withCode(
                    "data.column.type",
                    name + " takes " + argument.name() + " as " + type.sql() + ", but a row has " + given
                            + "; write CAST(" + argument.name() + " AS " + type.sql() + ")"));
        }
    }
}
