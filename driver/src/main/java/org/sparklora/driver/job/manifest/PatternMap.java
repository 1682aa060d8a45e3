package org.sparklora.driver.job.manifest;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * PEFT's {@code rank_pattern} or {@code alpha_pattern}: values for the modules that a pattern matches. The first pattern
 * that matches counts, so the order is part of the value.
 *
 * @param entries patterns in order, each once
 */
public record PatternMap<T>(List<Entry<T>> entries) {

    /**
     * One pattern and its value.
     *
     * @param pattern a regular expression on a module's whole name, or on the end of one after a dot
     */
    public record Entry<T>(String pattern, T value) {

        /**
         * Checks the pattern.
         *
         * @throws java.util.regex.PatternSyntaxException when it is no regular expression
         */
        public Entry {
            Pattern.compile(pattern);
        }

        /** Whether the pattern matches a module, by PEFT's rule ({@code get_pattern_key}). */
        boolean matches(String module) {
            return Pattern.matches("(.*\\.)?(" + pattern + ")", module);
        }
    }

    public PatternMap {
        entries = List.copyOf(entries);
    }

    /** No pattern. */
    public static <T> PatternMap<T> none() {
        return new PatternMap<>(List.of());
    }

    /** The patterns of a map in its order. */
    public static <T> PatternMap<T> of(Map<String, T> values) {
        List<Entry<T>> entries = new ArrayList<>();
        values.forEach((pattern, value) -> entries.add(new Entry<>(pattern, value)));
        return new PatternMap<>(entries);
    }

    /** The patterns as a map, in order. */
    public Map<String, T> asMap() {
        Map<String, T> map = new LinkedHashMap<>();
        entries.forEach(e -> map.put(e.pattern(), e.value()));
        return map;
    }

    /** The first entry that matches a module. */
    public Optional<Entry<T>> first(String module) {
        return entries.stream().filter(e -> e.matches(module)).findFirst();
    }

    /** The value for a module, or the one for all others. */
    public T valueOf(String module, T defaultValue) {
        return first(module).map(Entry::value).orElse(defaultValue);
    }

    /** Whether no module differs. */
    public boolean isEmpty() {
        return entries.isEmpty();
    }
}
