package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.data.TextTokenizer;

/**
 * What a look at training data tells without preparing it.
 *
 * @param rows all of them, each checked as training would
 * @param sample the lengths of some of them, drawn by a hash of their places in the files
 */
public record DataSurvey(long rows, TextStatistics sample) {

    /**
     * Looks at rows that {@link SourceReader} read, in two passes. The sample is tokenised here, not in executors.
     *
     * @param most rows of the sample
     * @throws DataException for the first row, by file and row, that cannot be used; where there is none
     */
    public static DataSurvey of(Dataset<Row> rows, LabelCodec labels, Tokenization tokenization, int most) {
        RowCoder coder = new RowCoder(labels);
        long count = coder.checkTraining(InputRow.of(rows));
        List<Drawn> drawn = InputRow.of(rows).map(Drawn::new).takeOrdered(most, new ByHash());
        TreeMap<Integer, Long> lengths = new TreeMap<>();
        long truncated = 0;
        try (TextTokenizer tokenizer = TextTokenizer.open(tokenization.tokenizer(), tokenization.maxLength())) {
            for (Drawn row : drawn) {
                CodedExample example = coder.encode(tokenizer, row.content, row.hash);
                lengths.merge(example.example.length(), 1L, Long::sum);
                truncated += example.truncated ? 1 : 0;
            }
        }
        return new DataSurvey(count, new TextStatistics(drawn.size(), truncated, lengths));
    }

    /** Counts rows and checks them as training and validation do. */
    public static long count(Dataset<Row> rows, LabelCodec labels) {
        return new RowCoder(labels).check(InputRow.of(rows));
    }

    /** A row and what its place hashes to: rows that say the same are drawn apart. */
    private static final class Drawn implements Serializable {

        private static final long serialVersionUID = 1L;

        final long hash;
        final RowText content;

        Drawn(InputRow row) {
            this.hash = KeyedRandom.mix(KeyedRandom.key(row.row, "plan/sample"), row.file.hashCode());
            this.content = row.content;
        }
    }

    private static final class ByHash implements Comparator<Drawn>, Serializable {

        private static final long serialVersionUID = 1L;

        @Override
        public int compare(Drawn a, Drawn b) {
            return Long.compareUnsigned(a.hash, b.hash);
        }
    }
}
