package org.sparklora.worker.bench;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/** What a benchmark found: a line for people, and one of JSON in the file that {@code -Dbench.json} names. */
public final class BenchReport {

    private static final Gson JSON = new GsonBuilder()
            .disableHtmlEscaping()
            .serializeSpecialFloatingPointValues()
            .create();

    private BenchReport() {}

    /** A median with the least and the largest value. */
    public record Spread(double median, double least, double most) {

        /** Of what was measured, by a value of it. */
        public static <T> Spread of(List<T> measured, ToDoubleFunction<T> value) {
            double[] sorted = measured.stream().mapToDouble(value).sorted().toArray();
            return new Spread(sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
        }

        /** As in {@code 55.2 (53.0..56.1)}. */
        public String text(String format) {
            String all = format + " (" + format + ".." + format + ")";
            return String.format(Locale.ROOT, all, median, least, most);
        }

        /** The same in per cent. */
        public String percent() {
            return new Spread(100 * median, 100 * least, 100 * most).text("%.0f%%");
        }
    }

    /**
     * Prints and records a finding.
     *
     * @param target the number aimed at, with its direction; null where there is none
     * @param numbers by name: values or spreads
     */
    public static void add(String name, @Nullable String target, String line, Map<String, Object> numbers) {
        String aim = target == null ? "" : "  [target " + target + "]";
        System.out.printf(Locale.ROOT, "%-44s %s%s%n", name, line, aim);
        String file = System.getProperty("bench.json");
        if (file == null) {
            return;
        }
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("name", name);
        if (target != null) {
            all.put("target", target);
        }
        all.putAll(numbers);
        try {
            Files.write(Path.of(file), List.of(JSON.toJson(all)), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new IllegalStateException("the findings cannot be written to " + file, e);
        }
    }

    /** Whether a quick look is asked for: {@code --quick} among the arguments. */
    public static boolean isQuick(String... args) {
        return Arrays.asList(args).contains("--quick");
    }
}
