package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.TextTokenizer;

/** Checks and encodes the label of a row. Each task has one implementation. */
public sealed interface LabelCodec extends Serializable permits ClassLabels, LabelSets, RegressionLabels, TagSequences {

    /** What is wrong with a row, and what to do; {@code code} is the code of the error. */
    record Problem(String code, String message) {}

    /**
     * Returns the codec of a task.
     *
     * @param labels label texts in the order of the head's outputs; empty for regression
     */
    static LabelCodec of(Task task, List<String> labels) {
        return switch (task) {
            case REGRESSION -> new RegressionLabels();
            case CLASSIFICATION -> ClassLabels.of(labels);
            case MULTI_LABEL -> new LabelSets(labels);
            case TOKEN_CLASSIFICATION -> new TagSequences(labels);
        };
    }

    /** Returns the problem of a row's label, if it has one. */
    Optional<Problem> problem(String text, String label);

    /** Tokenizes a text, or a pair of texts if the second is not null. */
    default Encoded tokens(TextTokenizer tokenizer, String text, @Nullable String pair) {
        return tokenizer.encode(text, pair);
    }

    /** Encodes the label of a row without a problem: one value, one for each of C labels, or one for each token. */
    float[] values(Encoded tokens, String label);
}
