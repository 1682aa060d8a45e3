package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.TextTokenizer;

/** What a row's text and label mean as tokens and numbers. */
public sealed interface LabelCodec extends Serializable permits ClassLabels, LabelSets, RegressionLabels, TagSequences {

    /** What is wrong with the label of a row and what to do, or nothing. */
    Optional<String> problem(String text, String label);

    /** The tokens of a text, or of a pair where the second is not null. */
    default Encoded tokens(TextTokenizer tokenizer, String text, @Nullable String pair) {
        return tokenizer.encode(text, pair);
    }

    /** Labels of an example, one, one for each of C labels, or one for each token; the row must have no problem. */
    float[] values(Encoded tokens, String label);
}
