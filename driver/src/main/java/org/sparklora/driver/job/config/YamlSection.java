package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.text.NearMiss;

/**
 * One map of the job file and the way to it. Takes typed values out; a value that will not do becomes a problem and the
 * default takes its place, so that reading goes on. A key whose value is null counts as left out.
 *
 * <p>Call {@link #finish} last: every key that nobody asked for by then is unknown.
 */
final class YamlSection {

    /** Longer values are cut in messages. */
    private static final int MOST_SHOWN = 80;

    private final String path;
    private final Map<String, Object> values;
    private final Problems problems;
    private final Set<String> known = new LinkedHashSet<>();

    YamlSection(String path, Map<String, Object> values, Problems problems) {
        this.path = path;
        this.values = Collections.unmodifiableMap(values);
        this.problems = problems;
    }

    /** Path of a key as messages show it. */
    static String join(String path, String key) {
        return path.isEmpty() ? key : path + "." + key;
    }

    /** A map of the tree. The cast holds because only {@link YamlTree} builds maps. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> asMap(Map<?, ?> map) {
        return (Map<String, Object>) map;
    }

    String path(String key) {
        return join(path, key);
    }

    void problem(String key, String what) {
        problems.add(path(key) + " " + what);
    }

    /** Notes something that names its keys itself. */
    void problemLine(String line) {
        problems.add(line);
    }

    /** Notes a value that is not what its key expects. */
    void mismatch(String key, Object value, String expected) {
        String hint = value instanceof YamlScalar scalar && scalar.isQuotedLiteral() ? ", without quotes" : "";
        problems.add(path(key) + "=" + shown(value) + " must be " + expected + hint);
    }

    static String shown(Object value) {
        String text = value.toString();
        return text.length() <= MOST_SHOWN ? text : text.substring(0, MOST_SHOWN) + "…";
    }

    Set<String> keys() {
        return values.keySet();
    }

    /** Whether the key is there and not null. */
    boolean has(String key) {
        return value(key) != null;
    }

    /** Whether the key is there as an explicit null. */
    boolean isNull(String key) {
        return values.containsKey(key) && value(key) == null;
    }

    private @Nullable Object value(String key) {
        known.add(key);
        Object value = values.get(key);
        return value instanceof YamlScalar scalar && scalar.isNull() ? null : value;
    }

    /** The section under a key; empty where it is left out. Where it is no map, its own problems would only distract. */
    YamlSection section(String key) {
        Object value = value(key);
        if (value instanceof Map<?, ?> map) {
            return new YamlSection(path(key), asMap(map), problems);
        }
        if (value == null) {
            return new YamlSection(path(key), Map.of(), problems);
        }
        mismatch(key, value, "a map of keys");
        return new YamlSection(path(key), Map.of(), new Problems());
    }

    /** A section that can be left out. */
    Optional<YamlSection> optionalSection(String key) {
        return has(key) ? Optional.of(section(key)) : Optional.empty();
    }

    /** Sections in a list. */
    List<YamlSection> sections(String key) {
        List<YamlSection> sections = new ArrayList<>();
        List<?> items = list(key, "a list of maps");
        for (int i = 0; i < items.size(); i++) {
            String itemPath = path(key) + "[" + i + "]";
            if (items.get(i) instanceof Map<?, ?> map) {
                sections.add(new YamlSection(itemPath, asMap(map), problems));
            } else {
                problems.add(itemPath + "=" + shown(items.get(i)) + " must be a map of keys");
                // Keeps the indices of the items that follow right.
                sections.add(new YamlSection(itemPath, Map.of(), new Problems()));
            }
        }
        return sections;
    }

    /** A text, which any scalar is: {@code label: 1} names the column 1. */
    Optional<String> text(String key) {
        Object value = value(key);
        if (value instanceof YamlScalar scalar && !scalar.text().isBlank()) {
            return Optional.of(scalar.text());
        }
        if (value != null) {
            mismatch(key, value, value instanceof YamlScalar ? "a text that is not blank" : "a text");
        }
        return Optional.empty();
    }

    /** A text that must be there. */
    String requiredText(String key, String meaning) {
        if (!has(key)) {
            problem(key, "is missing; it " + meaning);
        }
        return text(key).orElse("");
    }

    int whole(String key, int otherwise, int least) {
        return whole(key, least).orElse(otherwise);
    }

    OptionalInt whole(String key, int least) {
        Object value = value(key);
        if (value == null) {
            return OptionalInt.empty();
        }
        OptionalInt whole = whole(value, least);
        if (whole.isEmpty()) {
            mismatch(key, value, wholeWords(least));
        }
        return whole;
    }

    long wholeLong(String key, long otherwise) {
        Object value = value(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof YamlScalar scalar && scalar.isWhole()) {
            try {
                return Long.parseLong(scalar.text());
            } catch (NumberFormatException e) {
                mismatch(key, value, "a whole number of 64 bits");
                return otherwise;
            }
        }
        mismatch(key, value, "a whole number");
        return otherwise;
    }

    double number(String key, double otherwise, Range range) {
        return number(key, range).orElse(otherwise);
    }

    OptionalDouble number(String key, Range range) {
        Object value = value(key);
        if (value == null) {
            return OptionalDouble.empty();
        }
        if (value instanceof YamlScalar scalar && scalar.isNumber()) {
            // -0.0 would be written and compared unlike 0.
            double x = Double.parseDouble(scalar.text()) + 0.0;
            if (range.holds(x)) {
                return OptionalDouble.of(x);
            }
        }
        mismatch(key, value, range.words());
        return OptionalDouble.empty();
    }

    boolean flag(String key, boolean otherwise) {
        Object value = value(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof YamlScalar scalar && (scalar.isTrue() || scalar.isFalse())) {
            return scalar.isTrue();
        }
        mismatch(key, value, "true or false");
        return otherwise;
    }

    /** One of an enum's constants, spelled in lower case. */
    <E extends Enum<E>> E choice(String key, E otherwise) {
        Object value = value(key);
        if (value == null) {
            return otherwise;
        }
        List<String> words = new ArrayList<>();
        for (E constant : otherwise.getDeclaringClass().getEnumConstants()) {
            if (value instanceof YamlScalar scalar && scalar.text().equals(word(constant))) {
                return constant;
            }
            words.add(word(constant));
        }
        mismatch(key, value, "one of " + String.join(", ", words));
        return otherwise;
    }

    /** An enum constant as the job file spells it. */
    static String word(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** A list of different texts; empty where it is left out. */
    List<String> texts(String key) {
        Set<String> texts = new LinkedHashSet<>();
        List<?> items = list(key, "a list of texts");
        for (int i = 0; i < items.size(); i++) {
            if (!(items.get(i) instanceof YamlScalar scalar)
                    || scalar.isNull()
                    || scalar.text().isBlank()) {
                problems.add(path(key) + "[" + i + "]=" + shown(items.get(i)) + " must be a text");
            } else if (!texts.add(scalar.text())) {
                problems.add(path(key) + "[" + i + "]=" + scalar + " is listed twice; keep one");
            }
        }
        return List.copyOf(texts);
    }

    /** A map of texts; empty where it is left out. */
    SortedMap<String, String> textMap(String key) {
        SortedMap<String, String> map = new TreeMap<>();
        section(key).values.forEach((name, value) -> {
            if (value instanceof YamlScalar scalar && !scalar.isNull()) {
                map.put(name, scalar.text());
            } else {
                problems.add(join(path(key), name) + "=" + shown(value) + " must be a text");
            }
        });
        return map;
    }

    /** Any value, as plain Java: text, Long, Double, Boolean, lists and maps of them; a null within is the text null. */
    Optional<Object> plain(String key) {
        return Optional.ofNullable(value(key)).map(YamlSection::plain);
    }

    private static Object plain(Object value) {
        if (value instanceof Map<?, ?> map) {
            SortedMap<String, Object> copy = new TreeMap<>();
            asMap(map).forEach((k, v) -> copy.put(k, plain(v)));
            return copy;
        }
        if (value instanceof List<?> list) {
            return list.stream().map(YamlSection::plain).toList();
        }
        YamlScalar scalar = (YamlScalar) value;
        if (scalar.isTrue() || scalar.isFalse()) {
            return scalar.isTrue();
        }
        if (scalar.isWhole() && scalar.text().length() < 18) {
            return Long.parseLong(scalar.text());
        }
        return scalar.isNumber() ? (Object) Double.parseDouble(scalar.text()) : scalar.text();
    }

    /** The value as it stands in the tree. */
    Optional<Object> raw(String key) {
        return Optional.ofNullable(value(key));
    }

    /** Reports every key that nobody asked for. */
    void finish() {
        for (String key : values.keySet()) {
            if (!known.contains(key)) {
                String hint = NearMiss.of(key, known)
                        .map(near -> "; did you mean " + path(near) + "?")
                        .orElse("; the keys here are " + String.join(", ", known));
                problem(key, "is not a key" + hint);
            }
        }
    }

    private List<?> list(String key, String expected) {
        Object value = value(key);
        if (value instanceof List<?> list) {
            return list;
        }
        if (value != null) {
            mismatch(key, value, expected);
        }
        return List.of();
    }

    private static OptionalInt whole(Object value, int least) {
        if (value instanceof YamlScalar scalar && scalar.isWhole()) {
            try {
                int whole = Integer.parseInt(scalar.text());
                return whole >= least ? OptionalInt.of(whole) : OptionalInt.empty();
            } catch (NumberFormatException e) {
                return OptionalInt.empty();
            }
        }
        return OptionalInt.empty();
    }

    private static String wholeWords(int least) {
        return "a whole number from " + least + " to " + Integer.MAX_VALUE;
    }
}
