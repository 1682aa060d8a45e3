package org.sparklora.driver.cluster.data;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.TextTokenizer;

/** Encodes one tag for each word: the first token of a word has the tag's class index, its other tokens have none. */
final class TagSequences implements LabelCodec {

    private static final long serialVersionUID = 1L;

    private final ClassLabels tags;

    /** Creates a codec for at least two tags, in the order of the head's outputs. */
    TagSequences(List<String> names) {
        this.tags = ClassLabels.of(names);
    }

    @Override
    public Optional<Problem> problem(String text, String label) {
        List<@Nullable String> words = TextLists.parse(text);
        List<@Nullable String> rowTags = TextLists.parse(label);
        if (words.size() != rowTags.size()) {
            return invalid(
                    "the row has " + words.size() + " words but " + rowTags.size() + " tags; give each word one tag");
        }
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            String tag = rowTags.get(i);
            if (word == null || tag == null) {
                return invalid(
                        "word " + (i + 1) + (word == null ? " is missing" : " has no tag") + "; correct the row");
            }
            Optional<Problem> problem = tags.problem(tag);
            if (problem.isPresent()) {
                String where = "word " + (i + 1) + ", '" + word + "': ";
                return problem.map(p -> new Problem(p.code(), where + p.message()));
            }
        }
        return Optional.empty();
    }

    private static Optional<Problem> invalid(String message) {
        return Optional.of(new Problem("data.label.invalid", message));
    }

    @Override
    public Encoded tokens(TextTokenizer tokenizer, String text, @Nullable String pair) {
        return tokenizer.encodeWords(TextLists.present(TextLists.parse(text)));
    }

    @Override
    public float[] values(Encoded tokens, String label) {
        List<String> rowTags = TextLists.present(TextLists.parse(label));
        float[] wordLabels = new float[rowTags.size()];
        for (int i = 0; i < wordLabels.length; i++) {
            wordLabels[i] = tags.encode(rowTags.get(i));
        }
        return tokens.labels(wordLabels);
    }
}
