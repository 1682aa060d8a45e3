package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TextScorer.Pooling;
import org.sparklora.worker.inference.TextScorer.TextRow;

/**
 * Computes the outputs of a text or a pair of texts.
 *
 * @param columns of the texts
 * @param outputs what to compute, besides the text's vector if {@code columns} asks for it
 */
public record ScoreTexts(Columns columns, HeadOutputs outputs) implements RowScorer {

    /** The {@link Columns#pair} of single texts. */
    public static final int NO_PAIR = -1;

    /**
     * The columns of the texts.
     *
     * @param text index of the text's column
     * @param pair index of the second text's column, or {@link #NO_PAIR}
     * @param pooling how to compute the text's vector, the last output; null for no vector
     */
    public record Columns(int text, int pair, @Nullable Pooling pooling) implements Serializable {}

    @Override
    public int width() {
        return outputs.width() + (columns.pooling() == null ? 0 : 1);
    }

    @Override
    public List<Object @Nullable []> score(TextScorer scorer, List<Row> rows) {
        List<TextRow> texts = new ArrayList<>(rows.size());
        for (Row row : rows) {
            texts.add(new TextRow(
                    row.getString(columns.text()), columns.pair() == NO_PAIR ? null : row.getString(columns.pair())));
        }
        List<float @Nullable []> logits = scorer.logits(texts);
        Pooling pooling = columns.pooling();
        List<float @Nullable []> vectors = pooling == null ? null : scorer.embeddings(texts, pooling);
        List<Object @Nullable []> scored = new ArrayList<>(rows.size());
        for (int row = 0; row < rows.size(); row++) {
            float[] own = logits.get(row);
            scored.add(own == null ? null : values(own, vectors == null ? null : vectors.get(row)));
        }
        return scored;
    }

    private Object[] values(float[] logits, float @Nullable [] vector) {
        Object[] values = new Object[width()];
        System.arraycopy(outputs.of(logits), 0, values, 0, outputs.width());
        if (vector != null) {
            values[outputs.width()] = HeadOutputs.dense(vector);
        }
        return values;
    }
}
