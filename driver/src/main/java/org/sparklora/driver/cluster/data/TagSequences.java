package org.sparklora.driver.cluster.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Encoded;
import org.sparklora.worker.data.TextTokenizer;

/** A tag for each word: its class index at the word's first token, and none at its others. */
public final class TagSequences implements LabelCodec {

    private static final long serialVersionUID = 1L;

    private final ClassLabels tags;

    private TagSequences(ClassLabels tags) {
        this.tags = tags;
    }

    /** Tags in the order of the head's outputs; at least two. */
    public static TagSequences of(List<String> names) {
        return new TagSequences(ClassLabels.of(names));
    }

    @Override
    public Optional<String> problem(String text, String label) {
        List<@Nullable String> words = TextLists.parse(text);
        List<@Nullable String> tagged = TextLists.parse(label);
        if (words.size() != tagged.size()) {
            return Optional.of(
                    "there are " + words.size() + " words, but " + tagged.size() + " tags; give each word one tag");
        }
        for (int i = 0; i < words.size(); i++) {
            String word = words.get(i);
            String tag = tagged.get(i);
            if (word == null || tag == null) {
                return Optional.of(
                        "word " + (i + 1) + (word == null ? " is missing" : " has no tag") + "; correct the row");
            }
            Optional<String> problem = tags.problem(tag);
            if (problem.isPresent()) {
                return Optional.of("word " + (i + 1) + ", '" + word + "': " + problem.get());
            }
        }
        return Optional.empty();
    }

    @Override
    public Encoded tokens(TextTokenizer tokenizer, String text, @Nullable String pair) {
        List<String> words = new ArrayList<>();
        for (@Nullable String word : TextLists.parse(text)) {
            words.add(word == null ? "" : word);
        }
        return tokenizer.encodeWords(words);
    }

    @Override
    public float[] values(Encoded tokens, String label) {
        List<@Nullable String> tagged = TextLists.parse(label);
        float[] ofWords = new float[tagged.size()];
        for (int i = 0; i < ofWords.length; i++) {
            String tag = tagged.get(i);
            if (tag == null) {
                throw new IllegalArgumentException("word " + (i + 1) + " has no tag");
            }
            ofWords[i] = tags.encode(tag);
        }
        return tokens.labels(ofWords);
    }
}
