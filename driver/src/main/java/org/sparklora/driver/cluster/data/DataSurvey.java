package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.SerializableWritable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.data.TextTokenizer;
import org.sparklora.worker.spark.JavaSerialized;
import org.sparklora.worker.spark.Stored;

/**
 * Facts about training data that are known without preparing it.
 *
 * @param rows number of rows, each checked as training does
 * @param sample lengths of a sample of the rows, drawn by a hash of file and row number
 */
public record DataSurvey(long rows, TextStatistics sample) {

    private static final Comparator<SerializableWritable<JavaSerialized<Drawn>>> BY_HASH =
            (Comparator<SerializableWritable<JavaSerialized<Drawn>>> & Serializable) (a, b) ->
                    Long.compareUnsigned(a.value().get().hash, b.value().get().hash);

    /**
     * Checks rows and tokenizes a sample of them on the driver. Reads the rows twice.
     *
     * @param rows a table made by {@link SourceReader} or {@link DatasetRows}
     * @param maxSample maximum number of rows in the sample
     * @throws DataException for the first row, by file and row, that cannot be used, or if there are no rows
     */
    public static DataSurvey of(Dataset<Row> rows, LabelCodec labels, Tokenization tokenization, int maxSample) {
        RowCoder coder = new RowCoder(labels);
        long count = coder.check(InputRow.of(rows), "train on");
        List<Drawn> drawn =
                Stored.of(InputRow.of(rows).map(Drawn::new)).wrapped().takeOrdered(maxSample, BY_HASH).stream()
                        .map(row -> row.value().get())
                        .toList();
        TreeMap<Integer, Long> lengths = new TreeMap<>();
        long truncated = 0;
        try (TextTokenizer tokenizer = TextTokenizer.open(tokenization.tokenizer(), tokenization.maxLength())) {
            for (Drawn row : drawn) {
                RowCoder.Coded coded = coder.encode(tokenizer, row.content(), row.hash);
                lengths.merge(coded.example().length(), 1L, Long::sum);
                truncated += coded.truncated() ? 1 : 0;
            }
        }
        return new DataSurvey(count, new TextStatistics(drawn.size(), truncated, lengths));
    }

    /** Checks validation rows as training does, and counts them. */
    public static long count(Dataset<Row> rows, LabelCodec labels) {
        return new RowCoder(labels).check(InputRow.of(rows), "evaluate");
    }

    /** A row with the hash of its file and row number, so that rows with equal content are drawn independently. */
    private record Drawn(long hash, RowText content) implements Serializable {

        Drawn(InputRow row) {
            this(
                    KeyedRandom.mix(
                            KeyedRandom.key(row.place().offset(), "plan/sample"),
                            row.place().file().hashCode()),
                    row.content());
        }
    }
}
