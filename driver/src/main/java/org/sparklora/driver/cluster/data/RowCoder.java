package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.Objects;
import java.util.Optional;
import org.apache.spark.api.java.JavaRDD;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.data.LabelCodec.Problem;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.spark.JavaSerialized;

/** Checks labelled rows and encodes them as examples. */
final class RowCoder implements Serializable {

    private static final long serialVersionUID = 1L;

    private final LabelCodec labels;

    RowCoder(LabelCodec labels) {
        this.labels = labels;
    }

    /** An example, and whether its text was cut to the maximum length. */
    record Coded(Example example, boolean truncated) implements Serializable {}

    /**
     * Checks all rows and counts them.
     *
     * @param purpose what the rows are for, as a verb, for the message
     * @throws DataException for the first problem in the order of file and row, or if there are no rows
     */
    long check(JavaRDD<InputRow> rows, String purpose) {
        Found found = JavaSerialized.fold(
                rows.map(row -> problem(row.content()).isPresent() ? new Found(1, 1, row) : new Found(1, 0, null)),
                new Found(0, 0, null),
                Found::plus);
        if (found.rows == 0) {
            throw new DataException("data.rows.none", "there are no rows to " + purpose + "; check the data file");
        }
        InputRow first = found.first;
        if (first != null) {
            Problem problem = problem(first.content()).orElseThrow();
            throw new DataException(
                    problem.code(),
                    InputRow.location(first.place()) + ": " + problem.message() + more(found.problems - 1));
        }
        return found.rows;
    }

    private static String more(long rows) {
        if (rows == 0) {
            return "";
        }
        return rows == 1 ? "; 1 more row has a problem" : "; " + rows + " more rows have a problem";
    }

    private Optional<Problem> problem(RowText content) {
        if (content.weight() != null && !isWeight(content.weight())) {
            return Optional.of(new Problem(
                    "data.weight.invalid",
                    "weight '" + content.weight() + "' is not a finite number of at least 0; correct the row"));
        }
        if (content.text() == null) {
            return Optional.of(
                    new Problem("data.text.missing", "the text is missing or empty; fill it in or remove the row"));
        }
        if (content.label() == null) {
            return Optional.of(
                    new Problem("data.label.missing", "the label is missing or empty; fill it in or remove the row"));
        }
        return labels.problem(content.text(), content.label());
    }

    private static boolean isWeight(String weight) {
        return Decimals.isFinite(weight) && Decimals.parse(weight) >= 0;
    }

    /** Encodes a row that passed {@link #check}. */
    Coded encode(TextTokenizer tokenizer, RowText content, long key) {
        float weight = content.weight() == null ? 1 : (float) Decimals.parse(content.weight());
        Encoded encoded = labels.tokens(tokenizer, Objects.requireNonNull(content.text()), content.pair());
        float[] values = labels.values(encoded, Objects.requireNonNull(content.label()));
        return new Coded(encoded.example(values, weight, key), encoded.truncated());
    }

    /** The number of rows and problems, and the first row with a problem. */
    private record Found(long rows, long problems, @Nullable InputRow first) implements Serializable {

        Found plus(Found other) {
            boolean oursIsFirst =
                    other.first == null || (first != null && first.place().compareTo(other.first.place()) < 0);
            return new Found(rows + other.rows, problems + other.problems, oursIsFirst ? first : other.first);
        }
    }
}
