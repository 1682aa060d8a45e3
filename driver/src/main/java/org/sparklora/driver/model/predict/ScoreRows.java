package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.ml.linalg.Vectors;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.LongAccumulator;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.HostModels;

/**
 * Scores the rows of a partition, in blocks: within a block texts of like length are computed together, and rows leave in the
 * order in which they came.
 */
public final class ScoreRows implements MapPartitionsFunction<Row, Row> {

    private static final long serialVersionUID = 1L;

    /** Enough for batches of like length, few enough to be nothing beside the model. */
    private static final int BLOCK = 1024;

    private final Broadcast<TrainedModel> model;
    private final RowScorer scorer;
    private final Counters counters;

    /** Count the rows and, of them, those without text. */
    public record Counters(LongAccumulator rows, LongAccumulator withoutText) implements Serializable {}

    public ScoreRows(Broadcast<TrainedModel> model, RowScorer scorer, Counters counters) {
        this.model = model;
        this.scorer = scorer;
        this.counters = counters;
    }

    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
        if (!rows.hasNext()) {
            return rows;
        }
        TextScorer texts = TextScorer.open(HostModels.here(model.value()));
        // Also when the rows are not read to the end.
        TaskCompletionListener close = context -> texts.close();
        TaskContext.get().addTaskCompletionListener(close);
        return new Scored(rows, texts);
    }

    private final class Scored implements Iterator<Row> {

        private final Iterator<Row> rows;
        private final TextScorer texts;
        private Iterator<Row> block = List.<Row>of().iterator();

        Scored(Iterator<Row> rows, TextScorer texts) {
            this.rows = rows;
            this.texts = texts;
        }

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
                block = score().iterator();
            }
            return block.next();
        }

        private List<Row> score() {
            List<Row> taken = new ArrayList<>(BLOCK);
            while (rows.hasNext() && taken.size() < BLOCK) {
                taken.add(rows.next());
            }
            List<Object @Nullable []> values = scorer.score(texts, taken);
            List<Row> scored = new ArrayList<>(taken.size());
            for (int i = 0; i < taken.size(); i++) {
                scored.add(with(taken.get(i), values.get(i)));
            }
            return scored;
        }

        private Row with(Row row, Object @Nullable [] own) {
            counters.rows().add(1);
            Object[] values = new Object[row.size() + scorer.width()];
            for (int i = 0; i < row.size(); i++) {
                values[i] = row.get(i);
            }
            if (own == null) {
                counters.withoutText().add(1);
            } else {
                System.arraycopy(own, 0, values, row.size(), own.length);
            }
            return RowFactory.create(values);
        }
    }

    /** A vector of doubles. */
    public static Vector dense(float[] values) {
        double[] doubles = new double[values.length];
        Arrays.setAll(doubles, i -> values[i]);
        return Vectors.dense(doubles);
    }
}
