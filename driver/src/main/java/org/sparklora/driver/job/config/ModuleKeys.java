package org.sparklora.driver.job.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.PatternMap;

/** Reads the keys that speak of modules by name or by regular expression. */
final class ModuleKeys {

    private static final String LIST_OR_REGEX = "a list of module names, or a regular expression";

    private ModuleKeys() {}

    static ModulePattern targets(YamlSection group) {
        String key = "target_modules";
        Optional<Object> value = group.raw(key);
        if (value.isEmpty()) {
            group.problem(key, "is missing; it is a list of module names, a regular expression, or all-linear");
        } else if (value.get() instanceof List<?> list && list.isEmpty()) {
            group.problem(key, "must name at least one module");
        } else if (value.get() instanceof YamlScalar scalar
                && scalar.text().toLowerCase(Locale.ROOT).equals(ModulePattern.AllLinear.SHORTHAND)) {
            return new ModulePattern.AllLinear();
        }
        return pattern(group, key, ModulePattern.NONE);
    }

    /** {@code exclude_modules}; an empty list excludes nothing, whatever could be inherited. */
    static ModulePattern exclude(YamlSection s, ModulePattern otherwise) {
        return pattern(s, "exclude_modules", otherwise);
    }

    private static ModulePattern pattern(YamlSection s, String key, ModulePattern otherwise) {
        Optional<Object> value = s.raw(key);
        if (value.isEmpty()) {
            return otherwise;
        }
        if (value.get() instanceof List<?>) {
            return new ModulePattern.Names(s.texts(key));
        }
        if (value.get() instanceof YamlScalar scalar && !scalar.text().isBlank()) {
            try {
                return new ModulePattern.Regex(scalar.text());
            } catch (PatternSyntaxException e) {
                s.mismatch(key, scalar, LIST_OR_REGEX + ": " + why(e));
                return otherwise;
            }
        }
        s.mismatch(key, value.get(), LIST_OR_REGEX);
        return otherwise;
    }

    static PatternMap<Integer> ranks(YamlSection s, PatternMap<Integer> otherwise) {
        return patterns(s, "rank_pattern", otherwise, (map, pattern) -> {
            OptionalInt r = map.whole(pattern, 1);
            return r.isPresent() ? Optional.of(r.getAsInt()) : Optional.empty();
        });
    }

    static PatternMap<Double> alphas(YamlSection s, PatternMap<Double> otherwise) {
        return patterns(s, "alpha_pattern", otherwise, (map, pattern) -> {
            OptionalDouble alpha = map.number(pattern, Range.POSITIVE);
            return alpha.isPresent() ? Optional.of(alpha.getAsDouble()) : Optional.empty();
        });
    }

    /** Takes the value of one pattern out of the map of all. */
    private interface ValueOf<T> {
        Optional<T> read(YamlSection map, String pattern);
    }

    /** A map in the file's order; an empty one overrides what could be inherited. */
    private static <T> PatternMap<T> patterns(YamlSection s, String key, PatternMap<T> otherwise, ValueOf<T> valueOf) {
        if (!s.has(key)) {
            return otherwise;
        }
        YamlSection map = s.section(key);
        Map<String, T> values = new LinkedHashMap<>();
        for (String pattern : map.keys()) {
            Optional<T> value = valueOf.read(map, pattern);
            try {
                Pattern.compile(pattern);
                value.ifPresent(v -> values.put(pattern, v));
            } catch (PatternSyntaxException e) {
                s.problem(key, "has the key '" + pattern + "', which is no regular expression: " + why(e));
            }
        }
        return PatternMap.of(values);
    }

    private static String why(PatternSyntaxException e) {
        String position = e.getIndex() < 0 ? "" : " at position " + e.getIndex();
        String hint = e.getPattern().contains("(?P<") ? "; write a named group as (?<name>…)" : "";
        return e.getDescription() + position + hint;
    }
}
