package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.inference.Scorer;
import org.sparklora.worker.inference.Scorer.Pooling;
import org.sparklora.worker.inference.Scorer.TextRow;

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
    public List<Object @Nullable []> score(Scorer scorer, List<Row> rows) {
        List<TextRow> texts = new ArrayList<>(rows.size());
        for (Row row : rows) {
            texts.add(new TextRow(
                    row.getString(columns.text()), columns.pair() == NO_PAIR ? null : row.getString(columns.pair())));
        }
        Pooling pooling = columns.pooling();
        if (pooling == null) {
            return each(scorer.logits(texts), outputs::of);
        }
        int outputsOfHead = scorer.outputs();
        return each(scorer.logitsAndVectors(texts, pooling), both -> {
            Object[] values = Arrays.copyOf(outputs.of(Arrays.copyOf(both, outputsOfHead)), width());
            values[outputs.width()] = HeadOutputs.dense(Arrays.copyOfRange(both, outputsOfHead, both.length));
            return values;
        });
    }

    private static List<Object @Nullable []> each(List<float @Nullable []> rows, Function<float[], Object[]> columns) {
        List<Object @Nullable []> scored = new ArrayList<>(rows.size());
        rows.forEach(row -> scored.add(row == null ? null : columns.apply(row)));
        return scored;
    }
}
