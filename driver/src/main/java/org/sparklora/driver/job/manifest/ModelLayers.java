package org.sparklora.driver.job.manifest;

import java.util.Collection;
import java.util.List;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The numbered layers that a model's module names speak of, e.g. {@code layer.0..layer.11}. */
final class ModelLayers {

    // Current PEFT's own expression for an unset layers_pattern, anchored at the start only; reluctant, so the first
    // number counts.
    private static final Pattern NUMBERED = Pattern.compile(".*?\\.([^.]*)\\.(\\d+)\\.");

    private final TreeSet<Integer> numbers = new TreeSet<>();
    private String container = "layer";

    ModelLayers(Collection<LinearModule> modules) {
        for (LinearModule module : modules) {
            Matcher numbered = NUMBERED.matcher(module.path());
            if (numbered.lookingAt()) {
                container = numbered.group(1);
                numbers.add(Integer.parseInt(numbered.group(2)));
            }
        }
    }

    /** The layer that a module is in; empty outside the numbered layers (the pooler). */
    static OptionalInt numberOf(String path) {
        Matcher numbered = NUMBERED.matcher(path);
        return numbered.lookingAt() ? OptionalInt.of(Integer.parseInt(numbered.group(2))) : OptionalInt.empty();
    }

    /** The given numbers that are no layer's. */
    List<Integer> unknown(Collection<Integer> given) {
        return given.stream().filter(number -> !numbers.contains(number)).toList();
    }

    /** Whether a name points into a layer that the model lacks: {@code layer.12.…}, {@code 12.attention…}. */
    boolean isBeyond(String name) {
        Matcher numbered = Pattern.compile("(?:|(?:.*\\.)?" + Pattern.quote(container) + "\\.)(\\d{1,9})(?:\\..*)?")
                .matcher(name);
        return !numbers.isEmpty() && numbered.matches() && !numbers.contains(Integer.parseInt(numbered.group(1)));
    }

    /** For messages: {@code layer.0..layer.11}. */
    String range() {
        if (numbers.isEmpty()) {
            return "no numbered layers";
        }
        String first = container + "." + numbers.first();
        return numbers.size() == 1 ? first : first + ".." + container + "." + numbers.last();
    }
}
