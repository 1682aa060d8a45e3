package org.sparklora.driver.predict;

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
import org.sparklora.worker.inference.TextScorer.Pooling;
import org.sparklora.worker.inference.TextScorer.TextRow;
import org.sparklora.worker.inference.TrainedModel;

/**
 * Scores the rows of a partition, in blocks: within a block texts of like length are computed together, and rows leave in the
 * order in which they came.
 */
public final class ScoreRows implements MapPartitionsFunction<Row, Row> {

    private static final long serialVersionUID = 1L;

    /** In {@link Columns}: single texts. */
    public static final int NO_PAIR = -1;

    /** Enough for batches of like length, few enough to be nothing beside the model. */
    private static final int BLOCK = 1024;

    private final Broadcast<TrainedModel> model;
    private final Columns columns;
    private final RowOutputs outputs;
    private final Counters counters;

    /** Count the rows and, of them, those without text. */
    public record Counters(LongAccumulator rows, LongAccumulator withoutText) implements Serializable {}

    /**
     * Where the texts are.
     *
     * @param text index of the text's column
     * @param pair index of the second text's column, or {@link #NO_PAIR}
     * @param pooling of the text's vector, which comes last, where one is asked for
     */
    public record Columns(int text, int pair, @Nullable Pooling pooling) implements Serializable {}

    public ScoreRows(Broadcast<TrainedModel> model, Columns columns, RowOutputs outputs, Counters counters) {
        this.model = model;
        this.columns = columns;
        this.outputs = outputs;
        this.counters = counters;
    }

    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
        if (!rows.hasNext()) {
            return rows;
        }
        TextScorer scorer = TextScorer.open(model.value());
        // Also when the rows are not read to the end.
        TaskCompletionListener close = context -> scorer.close();
        TaskContext.get().addTaskCompletionListener(close);
        return new Scored(rows, scorer);
    }

    private final class Scored implements Iterator<Row> {

        private final Iterator<Row> rows;
        private final TextScorer scorer;
        private Iterator<Row> block = List.<Row>of().iterator();

        Scored(Iterator<Row> rows, TextScorer scorer) {
            this.rows = rows;
            this.scorer = scorer;
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
            List<TextRow> texts = new ArrayList<>(BLOCK);
            while (rows.hasNext() && taken.size() < BLOCK) {
                Row row = rows.next();
                taken.add(row);
                texts.add(new TextRow(
                        row.getString(columns.text()),
                        columns.pair() == NO_PAIR ? null : row.getString(columns.pair())));
            }
            List<float @Nullable []> logits = scorer.logits(texts);
            Pooling pooling = columns.pooling();
            List<float @Nullable []> vectors = pooling == null ? null : scorer.embeddings(texts, pooling);
            List<Row> scored = new ArrayList<>(taken.size());
            for (int i = 0; i < taken.size(); i++) {
                scored.add(with(taken.get(i), logits.get(i), vectors == null ? null : vectors.get(i)));
            }
            return scored;
        }

        private Row with(Row row, float @Nullable [] logits, float @Nullable [] vector) {
            counters.rows().add(1);
            int own = outputs.width();
            Object[] values = new Object[row.size() + own + (columns.pooling() == null ? 0 : 1)];
            for (int i = 0; i < row.size(); i++) {
                values[i] = row.get(i);
            }
            if (logits == null) {
                counters.withoutText().add(1);
                return RowFactory.create(values);
            }
            Object[] outs = outputs.of(logits);
            System.arraycopy(outs, 0, values, row.size(), own);
            if (vector != null) {
                values[row.size() + own] = dense(vector);
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
