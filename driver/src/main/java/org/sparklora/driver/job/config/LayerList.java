package org.sparklora.driver.job.config;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads {@code layers_to_transform}: layers and ranges of them, or one alone: {@code [8-11, 0]}, {@code 8-11}, {@code 11}. */
final class LayerList {

    private static final String KEY = "layers_to_transform";
    private static final Pattern LAYERS = Pattern.compile("(\\d{1,9})(?:\\s*-\\s*(\\d{1,9}))?");

    /** More than any model has; a slip such as 1-1100000000 shall not fill the memory. */
    private static final int MOST_LAYERS = 1000;

    private final YamlSection group;
    private final Set<Integer> layers = new LinkedHashSet<>();

    private LayerList(YamlSection group) {
        this.group = group;
    }

    /** The layers of a group in the order given, ranges expanded; empty where the key is left out. */
    static List<Integer> read(YamlSection group) {
        return new LayerList(group).read();
    }

    private List<Integer> read() {
        Optional<Object> value = group.raw(KEY);
        if (value.isPresent() && value.get() instanceof List<?> list) {
            if (list.isEmpty()) {
                group.problem(KEY, "is empty; name layers, or leave it out for all of them");
            }
            for (int i = 0; i < list.size(); i++) {
                add(KEY + "[" + i + "]", list.get(i));
            }
        } else {
            value.ifPresent(one -> add(KEY, one));
        }
        return List.copyOf(layers);
    }

    private void add(String key, Object value) {
        Matcher given = LAYERS.matcher(value instanceof YamlScalar scalar ? scalar.text() : "");
        if (!given.matches()) {
            group.mismatch(key, value, "a layer, counted from 0, or a range of layers such as 8-11");
            return;
        }
        int first = Integer.parseInt(given.group(1));
        int last = given.group(2) == null ? first : Integer.parseInt(given.group(2));
        if (last < first) {
            group.mismatch(key, value, "a range from the lower layer to the higher: " + last + "-" + first);
        } else if (last >= MOST_LAYERS) {
            group.mismatch(key, value, "below layer " + MOST_LAYERS);
        } else {
            for (int layer = first; layer <= last; layer++) {
                if (!layers.add(layer)) {
                    group.problem(key + "=" + YamlSection.shown(value), "names layer " + layer + " again; keep one");
                    return;
                }
            }
        }
    }
}
