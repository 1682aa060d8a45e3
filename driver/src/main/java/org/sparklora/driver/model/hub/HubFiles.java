package org.sparklora.driver.model.hub;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.sparklora.worker.data.TokenizerSpec;

/** The files of a repository that are read. All others are never downloaded: other formats of the weights, code, texts. */
public enum HubFiles {
    /** A base model: configuration, tokenizer and weights. */
    MODEL("config.json", List.of("model.safetensors", "pytorch_model.bin"), TokenizerSpec.FILES),
    /** A PEFT adapter. */
    ADAPTER("adapter_config.json", List.of("adapter_model.safetensors", "adapter_model.bin"), List.of());

    private static final String INDEX = ".index.json";

    private final String config;

    /** Names of weights in one file, the preferred format first. */
    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable.
    private final List<String> weights;

    @SuppressWarnings("ImmutableEnumChecker")
    private final List<String> optional;

    HubFiles(String config, List<String> weights, List<String> optional) {
        this.config = config;
        this.weights = weights;
        this.optional = optional;
    }

    /** Picks the files that are read out of all names; empty without a configuration or whole weights. */
    Optional<List<String>> of(Collection<String> names) {
        return weights.stream()
                .map(single -> weights(single, names))
                .flatMap(Optional::stream)
                .findFirst()
                .filter(files -> names.contains(config))
                .map(files -> Stream.of(Stream.of(config), optional.stream().filter(names::contains), files.stream())
                        .flatMap(part -> part)
                        .toList());
    }

    /** The one file of weights, or the index and its files, whose names tell their number. */
    private static Optional<List<String>> weights(String single, Collection<String> names) {
        if (names.contains(single)) {
            return Optional.of(List.of(single));
        }
        int dot = single.lastIndexOf('.');
        Pattern name = Pattern.compile(
                Pattern.quote(single.substring(0, dot)) + "-\\d{5}-of-(\\d{5})" + Pattern.quote(single.substring(dot)));
        List<Matcher> parts =
                names.stream().map(name::matcher).filter(Matcher::matches).toList();
        boolean whole = names.contains(single + INDEX)
                && !parts.isEmpty()
                && Integer.parseInt(parts.get(0).group(1)) == parts.size();
        return whole
                ? Optional.of(Stream.concat(
                                Stream.of(single + INDEX),
                                parts.stream().map(Matcher::group).sorted())
                        .toList())
                : Optional.empty();
    }

    /** What a repository must have, for messages. */
    String required() {
        return config + " with " + String.join(" or ", weights);
    }
}
