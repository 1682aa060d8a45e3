package org.sparklora.driver.job.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.sparklora.driver.job.text.NearMiss;
import org.sparklora.driver.job.text.Problems;

/**
 * One map of the job file and the path to it. Problems are reported under the whole path of a key, and reading continues, so
 * that all of them appear together. A key whose value is null counts as left out.
 */
public final class YamlSection {

    /** Longer values are cut in messages. */
    private static final int MAX_SHOWN = 80;

    private final String path;
    private final Map<String, Object> values;
    private final Problems problems;

    YamlSection(String path, Map<String, Object> values, Problems problems) {
        this.path = path;
        this.values = Collections.unmodifiableMap(values);
        this.problems = problems;
    }

    /**
     * The map of a YAML file that a user names on the command line; empty when the file cannot be read, is not YAML, or holds
     * no map, each of which is a problem then.
     *
     * @param kind describes the file in messages: {@code job file}
     * @param option the option that names the file: {@code --config}
     * @param expected what the file should hold
     */
    public static Optional<YamlSection> read(
            Path file, String kind, String option, String expected, Problems problems) {
        return TextFile.read(file, kind, option, problems)
                .flatMap(text -> YamlTree.parseMap(text, expected, problems))
                .map(map -> new YamlSection("", map, problems));
    }

    /** Path of a key as messages show it. */
    static String join(String path, String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    /** A map of the tree. The cast is safe because only {@link YamlTree} builds maps. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> asMap(Map<?, ?> map) {
        return (Map<String, Object>) map;
    }

    /** An enum constant as the job file spells it. */
    public static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    static String shown(Object value) {
        String text = value.toString();
        return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "…";
    }

    /** The whole path of a key. */
    public String path(String key) {
        return join(path, key);
    }

    /** Reports a problem with a key of this section. */
    public void problem(String code, String key, String what) {
        problems.add(code, path(key) + " " + what);
    }

    /** Reports a problem whose line names its keys itself. */
    void problemLine(String code, String line) {
        problems.add(code, line);
    }

    /** Reports a value that is not what its key expects; returns the missing value. */
    public <T> Optional<T> mismatch(String key, Object value, String expected) {
        String hint = value instanceof YamlScalar scalar && scalar.isQuotedLiteral() ? ", without quotes" : "";
        problem("config.value.invalid", key + "=" + shown(value), "must be " + expected + hint);
        return Optional.empty();
    }

    /** The keys in the file's order, null or not. */
    public Set<String> keys() {
        return values.keySet();
    }

    /** Whether the key is present and not null. */
    public boolean has(String key) {
        return value(key).isPresent();
    }

    /** Whether the key is present as an explicit null. */
    boolean isNull(String key) {
        return values.containsKey(key) && !has(key);
    }

    /** The value as it is in the tree; empty for null. */
    public Optional<Object> value(String key) {
        Object value = values.get(key);
        return value instanceof YamlScalar scalar && scalar.isNull() ? Optional.empty() : Optional.ofNullable(value);
    }

    /** Whether the file gives no value, or an empty list or map. */
    boolean isEmpty(String key) {
        return value(key)
                .filter(value -> !value.equals(List.of()) && !value.equals(Map.of()))
                .isEmpty();
    }

    /** The section under a key; empty when it is left out. */
    public YamlSection section(String key) {
        Object value = value(key).orElse(Map.of());
        if (!(value instanceof Map<?, ?>)) {
            mismatch(key, value, "a map of keys");
        }
        return section(path(key), value);
    }

    /** The sections of a list. */
    List<YamlSection> sections(String key) {
        List<YamlSection> sections = new ArrayList<>();
        Object value = value(key).orElse(List.of());
        if (!(value instanceof List<?> items)) {
            mismatch(key, value, "a list of maps");
            return sections;
        }
        for (int i = 0; i < items.size(); i++) {
            String item = key + "[" + i + "]";
            if (!(items.get(i) instanceof Map<?, ?>)) {
                mismatch(item, items.get(i), "a map of keys");
            }
            sections.add(section(path(item), items.get(i)));
        }
        return sections;
    }

    /** A section of what should be a map. Anything else was reported; what an empty map lacks would only distract. */
    private YamlSection section(String sectionPath, Object value) {
        return value instanceof Map<?, ?> map
                ? new YamlSection(sectionPath, asMap(map), problems)
                : new YamlSection(sectionPath, Map.of(), new Problems());
    }

    /** Reports every key that is not known. */
    public void refuseOthers(Collection<String> known) {
        for (String key : values.keySet()) {
            if (!known.contains(key)) {
                String hint = NearMiss.of(key, known)
                        .map(near -> "did you mean " + path(near) + "?")
                        .orElse("the keys here are " + String.join(", ", known));
                problem("config.key.unknown", key, "is not a key; " + hint);
            }
        }
    }
}
