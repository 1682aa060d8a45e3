package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.Function;
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
        return count(JavaSerialized.fold(rows.map(this::found), Found.NONE, Found::plus), purpose);
    }

    /** The same for rows in memory. */
    long check(List<InputRow> rows, String purpose) {
        return count(rows.stream().map(this::found).reduce(Found.NONE, Found::plus), purpose);
    }

    /** Refuses rows without text or label, or with a wrong weight, whatever the labels are. */
    static void requireComplete(JavaRDD<InputRow> rows, String purpose) {
        Function<InputRow, Found> found = row -> Found.of(row, incomplete(row.content()));
        count(JavaSerialized.fold(rows.map(found), Found.NONE, Found::plus), RowCoder::incomplete, purpose);
    }

    private Found found(InputRow row) {
        return Found.of(row, problem(row.content()));
    }

    private long count(Found found, String purpose) {
        return count(found, this::problem, purpose);
    }

    private static long count(
            Found found, java.util.function.Function<RowText, Optional<Problem>> problems, String purpose) {
        if (found.rows == 0) {
            throw new DataException("data.rows.none", "there are no rows to " + purpose + "; check the data file");
        }
        InputRow first = found.first;
        if (first != null) {
            Problem problem = problems.apply(first.content()).orElseThrow();
            throw new DataException(
                    problem.code(), SourceTable.location(first) + ": " + problem.message() + more(found.problems - 1));
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
        Optional<Problem> incomplete = incomplete(content);
        return incomplete.isPresent()
                ? incomplete
                : labels.problem(Objects.requireNonNull(content.text()), Objects.requireNonNull(content.label()));
    }

    private static Optional<Problem> incomplete(RowText content) {
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
        return Optional.empty();
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

        static final Found NONE = new Found(0, 0, null);

        static Found of(InputRow row, Optional<Problem> problem) {
            return problem.isPresent() ? new Found(1, 1, row) : new Found(1, 0, null);
        }

        Found plus(Found other) {
            boolean oursIsFirst =
                    other.first == null || (first != null && first.place().compareTo(other.first.place()) < 0);
            return new Found(rows + other.rows, problems + other.problems, oursIsFirst ? first : other.first);
        }
    }
}
