package org.sparklora.driver.model.predict;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.TextLists;
import org.sparklora.worker.inference.Scorer;

/**
 * Predicts the tag of each word of a row; null for a word that the maximum length cuts off.
 *
 * @param words index of the column of words, an array
 * @param tags tags by class index
 */
public record ScoreWords(int words, List<String> tags) implements RowScorer {

    public ScoreWords {
        tags = List.copyOf(tags);
    }

    @Override
    public int width() {
        return 1;
    }

    @Override
    public List<Object @Nullable []> score(Scorer scorer, List<Row> rows) {
        List<@Nullable List<String>> texts = new ArrayList<>(rows.size());
        for (Row row : rows) {
            texts.add(row.isNullAt(words) ? null : TextLists.present(row.getList(words)));
        }
        List<Object @Nullable []> scored = new ArrayList<>(rows.size());
        for (int[] classes : scorer.classes(texts)) {
            scored.add(classes == null ? null : new Object[] {names(classes)});
        }
        return scored;
    }

    private @Nullable String[] names(int[] classes) {
        @Nullable String[] names = new @Nullable String[classes.length];
        for (int word = 0; word < classes.length; word++) {
            names[word] = classes[word] < 0 ? null : tags.get(classes[word]);
        }
        return names;
    }
}
