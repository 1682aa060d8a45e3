package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.LongAccumulator;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;

/**
 * Appends output columns to the rows of a partition, block by block. Within a block, texts of similar length are computed
 * together. Rows keep their order.
 */
public record ScoreRows(RowModels models, RowScorer scorer, Counters counters)
        implements MapPartitionsFunction<Row, Row> {

    /** Rows in a block: enough for batches of similar length, with little memory. */
    private static final int BLOCK = 1024;

    /** Counters of all rows, and of the rows without scores. */
    public record Counters(LongAccumulator rows, LongAccumulator withoutScores) implements Serializable {

        /** New ones, at zero. */
        public static Counters of(SparkContext spark) {
            return new Counters(spark.longAccumulator("rows"), spark.longAccumulator("rows without scores"));
        }
    }

    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
        if (!rows.hasNext()) {
            return rows;
        }
        RowModels.Opened texts = models.open();
        // The task may end before it has read all rows.
        TaskCompletionListener close = context -> texts.close();
        TaskContext.get().addTaskCompletionListener(close);
        return new Iterator<>() {

            private Iterator<Row> block = List.<Row>of().iterator();

            @Override
            public boolean hasNext() {
                return block.hasNext() || rows.hasNext();
            }

            @Override
            public Row next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                if (!block.hasNext()) {
                    block = scored(texts, rows).iterator();
                }
                return block.next();
            }
        };
    }

    private List<Row> scored(RowModels.Opened texts, Iterator<Row> rows) {
        List<Row> input = new ArrayList<>(BLOCK);
        while (rows.hasNext() && input.size() < BLOCK) {
            input.add(rows.next());
        }
        List<Object @Nullable []> outputs = scorer.score(texts.of(input), input);
        List<Row> scored = new ArrayList<>(input.size());
        for (int i = 0; i < input.size(); i++) {
            scored.add(append(input.get(i), outputs.get(i)));
        }
        return scored;
    }

    private Row append(Row row, Object @Nullable [] outputs) {
        counters.rows().add(1);
        Object[] values = new Object[row.size() + scorer.width()];
        for (int i = 0; i < row.size(); i++) {
            values[i] = row.get(i);
        }
        if (outputs == null) {
            counters.withoutScores().add(1);
        } else {
            System.arraycopy(outputs, 0, values, row.size(), outputs.length);
        }
        return RowFactory.create(values);
    }
}
