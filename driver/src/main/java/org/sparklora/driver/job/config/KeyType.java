package org.sparklora.driver.job.config;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;

/**
 * What the value of a key may be. A type reads the value, reports one that it does not accept, and describes itself for
 * messages and documentation.
 *
 * @param <T> the value in Java
 * @param words what a value must be, as messages say it: {@code a number above 0}
 * @param nothing the value that is the same as none, such as an empty list; null for types that have no such value
 * @param range the numbers that the key accepts; empty when it takes no number
 * @param nullable whether an explicit {@code null} is a value; for other types a key that is null counts as left out
 * @param reader takes the value out of a section
 */
public record KeyType<T>(
        String words, @Nullable T nothing, Optional<Range> range, boolean nullable, KeyType.Reader<T> reader) {

    static final KeyType<String> TEXT = new KeyType<>("a text", null, KeyType::text);
    /** A text that may be blank, which counts as the empty text. */
    static final KeyType<String> TEXT_OR_BLANK = new KeyType<>("a text", null, KeyType::textOrBlank);

    static final KeyType<List<String>> TEXTS = new KeyType<>("a list of texts", List.of(), KeyType::texts);
    static final KeyType<SortedMap<String, String>> TEXT_MAP = new KeyType<>("a map of texts", null, KeyType::textMap);
    static final KeyType<Boolean> FLAG = ofScalar("true or false", KeyType::flag);
    static final KeyType<Long> LONG = ofScalar("a whole number of 64 bits", KeyType::whole);
    /** As Spark writes durations: {@code 90s}, {@code 10m}; a number alone is seconds. */
    static final KeyType<Duration> DURATION = ofScalar("a duration such as 90s, 10m or 1h", KeyType::duration);

    static final KeyType<DropoutSetting> DROPOUT = ofScalar(Range.PROBABILITY.words() + ", or model", KeyType::dropout);
    static final KeyType<List<Integer>> LAYERS =
            new KeyType<>("a layer, counted from 0, or a range of layers such as 8-11", List.of(), KeyType::layers);
    static final KeyType<ModulePattern> MODULES =
            new KeyType<>("a list of module names, or a regular expression", ModulePattern.NONE, KeyType::modules);
    static final KeyType<ModulePattern> TARGETS = new KeyType<>(
            "a list of module names, a regular expression, or all-linear", ModulePattern.NONE, KeyType::targets);
    static final KeyType<PatternMap<Integer>> RANK_PATTERN =
            pattern("a map from a regular expression to a rank", whole(1));
    static final KeyType<PatternMap<Double>> ALPHA_PATTERN =
            pattern("a map from a regular expression to an alpha", number(Range.POSITIVE));
    static final KeyType<SortedMap<String, Double>> WEIGHTS = new KeyType<>(
            "a map from a group to a number above 0",
            null,
            (s, key, value) -> Optional.of(new TreeMap<>(map(s.section(key), number(Range.POSITIVE)))));

    static final KeyType<ClassWeights> CLASS_WEIGHTS = new KeyType<>(
            ClassWeights.BALANCED + ", or a map from a label to a number of at least 0", null, KeyType::classWeights);
    static final KeyType<List<String>> DECAY_EXCLUSIONS = new KeyType<>(
            "a list of " + TrainingConfig.BIAS + " and " + TrainingConfig.LAYER_NORM + ", or null",
            null,
            Optional.empty(),
            true,
            KeyType::decayExclusions);

    /** More than any model has; a typing error such as 1-1100000000 must not fill the memory. */
    private static final int MAX_LAYERS = 1000;

    private static final Pattern DURATION_TEXT = Pattern.compile("(\\d{1,6})\\s*(s|m|min|h|)");
    private static final Pattern LAYER_RANGE = Pattern.compile("(\\d{1,9})(?:\\s*-\\s*(\\d{1,9}))?");

    /** Takes a value that is not null out of a section; reports one that will not do, and returns nothing. */
    interface Reader<T> {
        Optional<T> read(YamlSection section, String key, Object value);
    }

    private KeyType(String words, @Nullable T nothing, Reader<T> reader) {
        this(words, nothing, Optional.empty(), false, reader);
    }

    private static <T> KeyType<T> ofScalar(String words, Function<YamlScalar, Optional<T>> parse) {
        return ofScalar(words, Optional.empty(), false, parse);
    }

    /** @param parse returns nothing for a scalar that will not do */
    private static <T> KeyType<T> ofScalar(
            String words, Optional<Range> range, boolean nullable, Function<YamlScalar, Optional<T>> parse) {
        return new KeyType<>(words, null, range, nullable, (s, key, value) -> {
            Optional<T> read = value instanceof YamlScalar scalar ? parse.apply(scalar) : Optional.empty();
            return read.isPresent() ? read : s.mismatch(key, value, words);
        });
    }

    /** A whole number from {@code min} to the largest {@code int}. */
    static KeyType<Integer> whole(int min) {
        Range range = new Range(min, true, Integer.MAX_VALUE, true);
        String words = "a whole number from " + min + " to " + Integer.MAX_VALUE;
        return ofScalar(
                words,
                Optional.of(range),
                false,
                scalar -> whole(scalar).filter(range::contains).map(Long::intValue));
    }

    static KeyType<Double> number(Range range) {
        return ofScalar(range.words(), Optional.of(range), false, scalar -> number(scalar, range));
    }

    /** A number, or an explicit {@code null} that turns off what the key does. */
    static KeyType<Double> numberOrNull(Range range) {
        String words = range.words() + ", or null for none";
        return ofScalar(words, Optional.of(range), true, scalar -> number(scalar, range));
    }

    /** One of an enum's constants, spelled in lower case. */
    static <E extends Enum<E>> KeyType<E> choice(Class<E> type) {
        Map<String, E> constants = new LinkedHashMap<>();
        for (E constant : type.getEnumConstants()) {
            constants.put(YamlSection.word(constant), constant);
        }
        String words = "one of " + String.join(", ", constants.keySet());
        return ofScalar(words, scalar -> Optional.ofNullable(constants.get(scalar.text())));
    }

    /** A text of a given form, in words that complete "must be". */
    static KeyType<String> matching(String words, String regex) {
        return ofScalar(words, scalar -> Optional.of(scalar.text()).filter(text -> text.matches(regex)));
    }

    /** A value that {@link JobReader} reads itself, such as a map of named groups. */
    static <T> KeyType<T> custom(String words, @Nullable T nothing) {
        return new KeyType<>(words, nothing, (s, key, value) -> Optional.empty());
    }

    /** A value with which reading continues when a required key is left out. */
    Object placeholder() {
        if (nothing != null) {
            return nothing;
        }
        return range.isPresent() ? (Object) 0 : "";
    }

    Optional<T> read(YamlSection section, String key, Object value) {
        return reader.read(section, key, value);
    }

    /** A text, which any scalar is: {@code label: 1} names the column 1. */
    private static Optional<String> text(YamlSection s, String key, Object value) {
        if (value instanceof YamlScalar scalar) {
            return scalar.text().isBlank()
                    ? s.mismatch(key, value, "a text that is not blank")
                    : Optional.of(scalar.text());
        }
        return s.mismatch(key, value, TEXT.words);
    }

    private static Optional<String> textOrBlank(YamlSection s, String key, Object value) {
        boolean blank = value instanceof YamlScalar scalar && scalar.text().isBlank();
        return blank ? Optional.of("") : text(s, key, value);
    }

    private static Optional<Boolean> flag(YamlScalar scalar) {
        return scalar.isTrue() || scalar.isFalse() ? Optional.of(scalar.isTrue()) : Optional.empty();
    }

    private static Optional<Long> whole(YamlScalar scalar) {
        try {
            return scalar.isWhole() ? Optional.of(Long.parseLong(scalar.text())) : Optional.empty();
        } catch (NumberFormatException e) {
            // More digits than a long has.
            return Optional.empty();
        }
    }

    private static Optional<Double> number(YamlScalar scalar, Range range) {
        // -0.0 would be written and compared unlike 0.
        return scalar.isNumber()
                ? Optional.of(Double.parseDouble(scalar.text()) + 0.0).filter(range::contains)
                : Optional.empty();
    }

    private static Optional<Duration> duration(YamlScalar scalar) {
        Matcher duration = DURATION_TEXT.matcher(scalar.text().toLowerCase(Locale.ROOT));
        if (!duration.matches()) {
            return Optional.empty();
        }
        long count = Long.parseLong(duration.group(1));
        return Optional.of(
                switch (duration.group(2)) {
                    case "m", "min" -> Duration.ofMinutes(count);
                    case "h" -> Duration.ofHours(count);
                    default -> Duration.ofSeconds(count);
                });
    }

    private static Optional<DropoutSetting> dropout(YamlScalar scalar) {
        return scalar.text().equals("model")
                ? Optional.of(DropoutSetting.MODEL)
                : number(scalar, Range.PROBABILITY).map(DropoutSetting::of);
    }

    /** A list of different texts. */
    private static Optional<List<String>> texts(YamlSection s, String key, Object value) {
        if (!(value instanceof List<?> items)) {
            return s.mismatch(key, value, TEXTS.words);
        }
        Set<String> texts = new LinkedHashSet<>();
        for (int i = 0; i < items.size(); i++) {
            String item = key + "[" + i + "]";
            if (!(items.get(i) instanceof YamlScalar scalar)
                    || scalar.isNull()
                    || scalar.text().isBlank()) {
                s.mismatch(item, items.get(i), TEXT.words);
            } else if (!texts.add(scalar.text())) {
                s.problem("config.list.duplicate", item + "=" + scalar, "is listed twice; remove one of the two");
            }
        }
        return Optional.of(List.copyOf(texts));
    }

    private static Optional<SortedMap<String, String>> textMap(YamlSection s, String key, Object value) {
        KeyType<String> anyText = ofScalar(TEXT.words, scalar -> Optional.of(scalar.text()));
        return Optional.of(new TreeMap<>(map(s.section(key), anyText)));
    }

    private static Optional<List<String>> decayExclusions(YamlSection s, String key, Object value) {
        Optional<List<String>> given = texts(s, key, value);
        return given.isEmpty() || TrainingConfig.DEFAULT_EXCLUDED.containsAll(given.get())
                ? given
                : s.mismatch(key, value, DECAY_EXCLUSIONS.words);
    }

    private static Optional<ClassWeights> classWeights(YamlSection s, String key, Object value) {
        if (value instanceof Map<?, ?>) {
            return Optional.of(
                    new ClassWeights(Optional.of(new TreeMap<>(map(s.section(key), number(Range.NOT_NEGATIVE))))));
        }
        return value instanceof YamlScalar scalar && scalar.text().equals(ClassWeights.BALANCED)
                ? Optional.of(new ClassWeights(Optional.empty()))
                : s.mismatch(key, value, CLASS_WEIGHTS.words);
    }

    /** A map in the file's order, without the values that are problems. */
    private static <T> Map<String, T> map(YamlSection section, KeyType<T> type) {
        Map<String, T> values = new LinkedHashMap<>();
        for (String name : section.keys()) {
            Optional<Object> value = section.value(name);
            if (value.isEmpty()) {
                section.problem("config.value.invalid", name, "must be " + type.words() + ", not null");
            }
            value.flatMap(given -> type.read(section, name, given)).ifPresent(read -> values.put(name, read));
        }
        return values;
    }

    /** The layers in the order given, ranges expanded: {@code [8-11, 0]}, {@code 8-11} and {@code 11} are all legal. */
    private static Optional<List<Integer>> layers(YamlSection s, String key, Object value) {
        Set<Integer> layers = new LinkedHashSet<>();
        if (!(value instanceof List<?> items)) {
            addLayers(s, key, value, layers);
        } else if (items.isEmpty()) {
            s.problem("config.value.invalid", key, "is empty; name layers, or leave it out for all of them");
        } else {
            for (int i = 0; i < items.size(); i++) {
                addLayers(s, key + "[" + i + "]", items.get(i), layers);
            }
        }
        return Optional.of(List.copyOf(layers));
    }

    private static void addLayers(YamlSection s, String key, Object value, Set<Integer> layers) {
        Matcher given = LAYER_RANGE.matcher(value instanceof YamlScalar scalar ? scalar.text() : "");
        if (!given.matches()) {
            s.mismatch(key, value, LAYERS.words);
            return;
        }
        int first = Integer.parseInt(given.group(1));
        int last = given.group(2) == null ? first : Integer.parseInt(given.group(2));
        if (last < first) {
            s.mismatch(key, value, "a range from the lower layer to the higher: " + last + "-" + first);
        } else if (last >= MAX_LAYERS) {
            s.mismatch(key, value, "below layer " + MAX_LAYERS);
        } else {
            for (int layer = first; layer <= last; layer++) {
                if (!layers.add(layer)) {
                    String where = key + "=" + YamlSection.shown(value);
                    s.problem("config.list.duplicate", where, "names layer " + layer + " again; remove one of the two");
                    return;
                }
            }
        }
    }

    private static Optional<ModulePattern> targets(YamlSection s, String key, Object value) {
        if (value instanceof List<?> list && list.isEmpty()) {
            s.problem("config.value.invalid", key, "must name at least one module");
            return Optional.empty();
        }
        boolean all = value instanceof YamlScalar scalar
                && scalar.text().toLowerCase(Locale.ROOT).equals(ModulePattern.AllLinear.SHORTHAND);
        return all ? Optional.of(new ModulePattern.AllLinear()) : modules(s, key, value);
    }

    private static Optional<ModulePattern> modules(YamlSection s, String key, Object value) {
        if (value instanceof List<?>) {
            return texts(s, key, value).map(ModulePattern.Names::new);
        }
        if (value instanceof YamlScalar scalar && !scalar.text().isBlank()) {
            try {
                return Optional.of(new ModulePattern.Regex(scalar.text()));
            } catch (PatternSyntaxException e) {
                s.problem("config.pattern.invalid", key + "=" + scalar, "must be " + MODULES.words + ": " + why(e));
                return Optional.empty();
            }
        }
        return s.mismatch(key, value, MODULES.words);
    }

    /** A {@code rank_pattern} or {@code alpha_pattern}, in the file's order. */
    private static <T> KeyType<PatternMap<T>> pattern(String words, KeyType<T> type) {
        return new KeyType<>(words, PatternMap.none(), (s, key, value) -> {
            YamlSection section = s.section(key);
            Map<String, T> values = map(section, type);
            for (String pattern : section.keys()) {
                try {
                    Pattern.compile(pattern);
                } catch (PatternSyntaxException e) {
                    values.remove(pattern);
                    s.problem(
                            "config.pattern.invalid",
                            key,
                            "has the key '" + pattern + "', which is not a regular expression: " + why(e));
                }
            }
            return Optional.of(PatternMap.of(values));
        });
    }

    private static String why(PatternSyntaxException e) {
        String position = e.getIndex() < 0 ? "" : " at position " + e.getIndex();
        String hint = e.getPattern().contains("(?P<") ? "; write a named group as (?<name>…)" : "";
        return e.getDescription() + position + hint;
    }
}
