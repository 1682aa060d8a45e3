package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import org.apache.spark.api.java.JavaRDD;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.TextTokenizer;

/** Turns rows into examples, and says first what is wrong with them. */
final class RowCoder implements Serializable {

    private static final long serialVersionUID = 1L;

    private final @Nullable LabelCodec labels;

    /** A coder; without labels every label is 0 and a missing text is no problem but a row left out. */
    RowCoder(@Nullable LabelCodec labels) {
        this.labels = labels;
    }

    /** The same for rows to train on, of which there must be one. */
    long checkTraining(JavaRDD<InputRow> rows) {
        long count = check(rows);
        if (count == 0) {
            throw new DataException("there is no row to train on; check data.train");
        }
        return count;
    }

    /** Checks all rows and counts them; throws for the first problem in the order of file and row. */
    long check(JavaRDD<InputRow> rows) {
        Found all = new Found();
        rows.mapPartitions(part -> {
                    Found found = new Found();
                    while (part.hasNext()) {
                        found.add(part.next(), this);
                    }
                    return List.of(found).iterator();
                })
                .collect()
                .forEach(all::add);
        InputRow first = all.first;
        if (first != null) {
            throw new DataException(
                    first.place() + ": " + problem(first.content).orElse("") + more(all.problems - 1));
        }
        return all.rows;
    }

    private static String more(long rows) {
        if (rows == 0) {
            return "";
        }
        return rows == 1 ? "; 1 more row has a problem" : "; " + rows + " more rows have a problem";
    }

    /** Whether a row has nothing to encode. */
    static boolean isMissing(RowText content) {
        return content.text == null;
    }

    private Optional<String> problem(RowText content) {
        if (content.weight != null && !isWeight(content.weight)) {
            return Optional.of("weight '" + content.weight + "' is not a finite number of at least 0; correct the row");
        }
        if (labels == null) {
            return Optional.empty();
        }
        if (content.text == null) {
            return Optional.of("the text is missing or empty; fill it in or remove the row");
        }
        if (content.label == null) {
            return Optional.of("the label is missing or empty; fill it in or remove the row");
        }
        return labels.problem(content.text, content.label);
    }

    private static boolean isWeight(String weight) {
        return Decimals.isFinite(weight) && Decimals.parse(weight) >= 0;
    }

    /** The example of a row that has a text and no problem. */
    CodedExample encode(TextTokenizer tokenizer, RowText content, long key) {
        if (content.text == null) {
            throw new IllegalArgumentException("a row without text cannot be encoded");
        }
        float weight = content.weight == null ? 1 : (float) Decimals.parse(content.weight);
        if (labels == null || content.label == null) {
            Encoded encoded = tokenizer.encode(content.text, content.pair);
            return new CodedExample(encoded.example(0, weight, key), encoded.truncated());
        }
        Encoded encoded = labels.tokens(tokenizer, content.text, content.pair);
        float[] values = labels.values(encoded, content.label);
        return new CodedExample(encoded.example(values, weight, key), encoded.truncated());
    }

    /** What a partition holds. */
    private static final class Found implements Serializable {

        private static final long serialVersionUID = 1L;

        long rows;
        long problems;

        @Nullable
        InputRow first;

        void add(InputRow row, RowCoder coder) {
            rows++;
            if (coder.problem(row.content).isPresent()) {
                problems++;
                keepFirst(row);
            }
        }

        void add(Found other) {
            rows += other.rows;
            problems += other.problems;
            if (other.first != null) {
                keepFirst(other.first);
            }
        }

        private void keepFirst(InputRow row) {
            if (first == null || row.isBefore(first)) {
                first = row;
            }
        }
    }
}
