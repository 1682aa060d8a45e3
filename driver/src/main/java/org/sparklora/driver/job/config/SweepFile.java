package org.sparklora.driver.job.config;

import com.fasterxml.jackson.databind.node.TextNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.sparklora.driver.job.config.SweepConfig.Halving;
import org.sparklora.driver.job.config.SweepConfig.Trial;
import org.sparklora.driver.job.text.Problems;
import org.sparklora.worker.contract.KeyedRandom;

/**
 * Reads a sweep file: a job, the keys that vary, and optionally how values are drawn and when the worse trials stop. Each
 * trial is the job with {@code --set} of the varied keys, so its values are checked as those of any job.
 */
public final class SweepFile {

    private static final String EXPECTED = "a map with job and vary, and optionally sample, stop, name and output";
    private static final List<String> KEYS = List.of("name", "job", "vary", "sample", "stop", "output");
    private static final List<String> FORBIDDEN = List.of("name", "output", "execution", "tracking");
    private static final String INVALID = "config.value.invalid";
    private static final int MAX_TRIALS = 1000;

    /** Draws before a sample gives up to find trials that it does not have yet. */
    private static final int DRAWS_A_TRIAL = 100;

    private final Path file;
    private final List<String> overrides;
    private final Problems problems = new Problems();

    private SweepFile(Path file, List<String> overrides) {
        this.file = file;
        this.overrides = overrides;
    }

    /** Whether a file describes a sweep, and no job. */
    public static boolean isSweep(Path file) {
        return YamlSection.read(file, "job file", "--config", EXPECTED, new Problems())
                .filter(root -> root.has("vary"))
                .isPresent();
    }

    /**
     * Reads and checks a sweep and all of its trials.
     *
     * @param overrides {@code a.b=c}, applied to the job of every trial before its own values
     * @param output instead of the file's
     * @throws ConfigException naming every problem of the sweep, or of its first trial that has one
     */
    public static SweepConfig read(Path file, List<String> overrides, Optional<String> output) {
        return new SweepFile(file, overrides).read(output);
    }

    private SweepConfig read(Optional<String> outputOption) {
        YamlSection root = YamlSection.read(file, "sweep file", "--config", EXPECTED, problems)
                .orElseThrow(() -> new ConfigException(file.toString(), problems));
        root.refuseOthers(KEYS);
        String fileName = String.valueOf(file.getFileName());
        String name = text(root, "name").orElse(fileName.replaceFirst("\\.[^.]*$", ""));
        Optional<String> output = outputOption.or(() -> text(root, "output"));
        if (output.filter(path -> !path.isEmpty()).isEmpty()) {
            problems.add("config.key.missing", "output is missing, the folder of the sweep; write it, or use --output");
        }
        if (!root.has("job")) {
            problems.add("config.key.missing", "job is missing, the job file or the job that varies");
        }
        List<Map<String, Object>> varied = varied(root);
        Optional<Halving> halving = root.has("stop") ? Optional.of(halving(root.section("stop"))) : Optional.empty();
        refuseProblems();
        JobPaths paths = new JobPaths(Path.of(""), file);
        String folder = paths.output(output.orElseThrow());
        List<Trial> trials = new ArrayList<>();
        Map<Map<String, Object>, String> known = new HashMap<>();
        for (Map<String, Object> values : varied) {
            String id = String.format(Locale.ROOT, "%03d", trials.size() + 1);
            JobConfig job = job(root, id, name, values, folder + "/trials/" + id);
            check(root, job, halving);
            Map<String, Object> content = new LinkedHashMap<>(ResolvedYaml.tree(job));
            content.remove("name");
            content.remove("output");
            String same = known.putIfAbsent(content, id);
            if (same != null) {
                problems.add(
                        "config.value.conflict",
                        "trials " + same + " and " + id + " are the same job (" + shown(values)
                                + "); a varied key has no effect, for example because each group has its own");
            }
            trials.add(new Trial(id, texts(values), job));
        }
        refuseProblems();
        return new SweepConfig(name, trials, halving, folder);
    }

    /** What a sweep cannot do with this job. All trials have the same problem, which is reported once. */
    private void check(YamlSection root, JobConfig job, Optional<Halving> halving) {
        if (!problems.isEmpty()) {
            return;
        }
        if (job.data().keyed().adapter().isPresent()) {
            problems.add(
                    "config.value.conflict",
                    "job has data.adapter, an adapter for each key; a sweep trains one adapter a trial: leave it out");
        }
        List<String> metrics = job.data().validation().isPresent() ? JobReader.metrics(job.model()) : List.of();
        halving.flatMap(Halving::metric)
                .filter(metric -> !metrics.contains(metric))
                .ifPresent(metric -> root.section("stop")
                        .mismatch(
                                "metric",
                                "'" + metric + "'",
                                metrics.isEmpty()
                                        ? "left out without data.validation; then the training loss is compared"
                                        : "one of " + String.join(", ", metrics)));
    }

    private void refuseProblems() {
        if (!problems.isEmpty()) {
            throw new ConfigException(file.toString(), problems);
        }
    }

    private static Optional<String> text(YamlSection section, String key) {
        return section.value(key).map(value -> value instanceof YamlScalar scalar ? scalar.text() : value.toString());
    }

    private JobConfig job(YamlSection root, String id, String name, Map<String, Object> values, String output) {
        List<String> sets = new ArrayList<>(overrides);
        values.forEach((key, value) -> sets.add(key + "=" + flow(value)));
        sets.add("name=" + flow(new YamlScalar(name + "-" + id, false)));
        Object job = root.value("job").orElseThrow();
        if (job instanceof YamlScalar path) {
            String found = new JobPaths(Path.of(""), file).input(path.text());
            return JobFile.read(Path.of(found), sets, Optional.of(output));
        }
        sets.add("output=" + flow(new YamlScalar(output, false)));
        return JobFile.ofText(file, flow(job), sets);
    }

    /** The values of each trial by key, in the order of the trials. */
    private List<Map<String, Object>> varied(YamlSection root) {
        YamlSection vary = root.section("vary");
        if (vary.keys().isEmpty()) {
            problems.add("config.key.missing", "vary names no key; name at least one, such as lora.r: [4, 8]");
        }
        Map<String, Choice> choices = new LinkedHashMap<>();
        for (String key : vary.keys()) {
            if (FORBIDDEN.contains(key.split("\\.", 2)[0])) {
                vary.problem("config.value.conflict", key, "cannot vary: it does not change what a trial computes");
            }
            choice(vary, key).ifPresent(choice -> choices.put(key, choice));
        }
        return root.has("sample") ? sampled(root.section("sample"), choices) : grid(vary, choices);
    }

    /** The values that a key may take: those of a list, or all of a range. */
    private record Choice(List<Object> values, double from, double to, boolean logarithmic) {

        Object at(double u) {
            if (!values.isEmpty()) {
                return values.get((int) (u * values.size()));
            }
            double value = logarithmic
                    ? StrictMath.exp(StrictMath.log(from) + u * (StrictMath.log(to) - StrictMath.log(from)))
                    : from + u * (to - from);
            return new YamlScalar(Double.toString(value), true);
        }
    }

    private Optional<Choice> choice(YamlSection vary, String key) {
        Object value = vary.value(key).orElse(List.of());
        String expected = "a list of values, {uniform: [from, to]} or {log_uniform: [from, to]}";
        if (value instanceof List<?> list && !list.isEmpty()) {
            if (list.stream().distinct().count() < list.size()) {
                vary.problem("config.value.conflict", key, "has a value twice");
            }
            return Optional.of(new Choice(List.copyOf(list), 0, 0, false));
        }
        if (!(value instanceof Map<?, ?>)) {
            return vary.mismatch(key, value, expected);
        }
        YamlSection range = vary.section(key);
        range.refuseOthers(List.of("uniform", "log_uniform"));
        boolean logarithmic = range.has("log_uniform");
        List<Double> bounds = range
                .value(logarithmic ? "log_uniform" : "uniform")
                .map(ends -> ends instanceof List<?> list ? list : List.of())
                .orElse(List.of())
                .stream()
                .filter(end -> end instanceof YamlScalar scalar && scalar.isNumber())
                .map(end -> Double.valueOf(((YamlScalar) end).text()))
                .toList();
        boolean ordered = bounds.size() == 2
                && bounds.get(0) < bounds.get(1)
                && (bounds.get(0) > 0 || !logarithmic)
                && range.keys().size() == 1;
        return ordered
                ? Optional.of(new Choice(List.of(), bounds.get(0), bounds.get(1), logarithmic))
                : vary.mismatch(key, value, expected + " with from < to, above 0 for log_uniform");
    }

    /** Every combination; the last key changes fastest. */
    private List<Map<String, Object>> grid(YamlSection vary, Map<String, Choice> choices) {
        List<Map<String, Object>> trials = new ArrayList<>(List.of(Map.of()));
        for (Map.Entry<String, Choice> choice : choices.entrySet()) {
            if (choice.getValue().values().isEmpty()) {
                vary.problem(
                        INVALID, choice.getKey(), "is a range; give sample: {n: 20, seed: 7}, or a list of values");
                return List.of();
            }
            if ((long) trials.size() * choice.getValue().values().size() > MAX_TRIALS) {
                problems.add(INVALID, "vary gives more than " + MAX_TRIALS + " trials; use sample: {n: 20, seed: 7}");
                return List.of();
            }
            List<Map<String, Object>> longer = new ArrayList<>();
            for (Map<String, Object> trial : trials) {
                for (Object value : choice.getValue().values()) {
                    Map<String, Object> next = new LinkedHashMap<>(trial);
                    next.put(choice.getKey(), value);
                    longer.add(next);
                }
            }
            trials = longer;
        }
        return trials;
    }

    /** Draws values for each trial, from a generator that each key has for itself. */
    private List<Map<String, Object>> sampled(YamlSection sample, Map<String, Choice> choices) {
        sample.refuseOthers(List.of("n", "seed"));
        int n = whole(sample, "n", 1, MAX_TRIALS).orElse(0);
        long seed = whole(sample, "seed", 0, Integer.MAX_VALUE).orElse(0);
        List<Map<String, Object>> trials = new ArrayList<>();
        for (int draw = 0; trials.size() < n && draw < n * DRAWS_A_TRIAL; draw++) {
            int index = draw;
            Map<String, Object> values = new LinkedHashMap<>();
            choices.forEach((key, choice) ->
                    values.put(key, choice.at(KeyedRandom.uniform(KeyedRandom.key(seed, "sweep/" + key), index))));
            if (!trials.contains(values)) {
                trials.add(values);
            }
        }
        if (trials.size() < n && !choices.isEmpty()) {
            sample.problem(INVALID, "n", "is more than the values of vary can give, " + trials.size());
        }
        return trials;
    }

    private static Optional<Integer> whole(YamlSection section, String key, int from, int to) {
        Object value = section.value(key).orElse("");
        return value instanceof YamlScalar scalar
                        && scalar.isWhole()
                        && scalar.text().length() < 11
                        && Long.parseLong(scalar.text()) >= from
                        && Long.parseLong(scalar.text()) <= to
                ? Optional.of(Integer.valueOf(scalar.text()))
                : section.mismatch(key, value, "a whole number from " + from + " to " + to);
    }

    private static Halving halving(YamlSection stop) {
        stop.refuseOthers(List.of("policy", "every", "keep", "metric"));
        text(stop, "policy")
                .filter(policy -> !policy.equals("halving"))
                .ifPresent(policy -> stop.mismatch("policy", "'" + policy + "'", "halving"));
        int every =
                stop.has("every") ? whole(stop, "every", 1, Integer.MAX_VALUE).orElse(1) : 1;
        Object keep = stop.value("keep").orElse(new YamlScalar("0.5", true));
        double share = keep instanceof YamlScalar scalar && scalar.isNumber() ? Double.parseDouble(scalar.text()) : 0;
        if (share <= 0 || share >= 1) {
            stop.mismatch("keep", keep, "a share above 0 and below 1");
        }
        return new Halving(every, share, text(stop, "metric"));
    }

    private static Map<String, String> texts(Map<String, Object> values) {
        Map<String, String> texts = new LinkedHashMap<>();
        values.forEach(
                (key, value) -> texts.put(key, value instanceof YamlScalar scalar ? scalar.text() : flow(value)));
        return texts;
    }

    private static String shown(Map<String, Object> values) {
        return values.entrySet().stream()
                .map(entry -> entry.getKey() + "=" + flow(entry.getValue()))
                .collect(Collectors.joining(", "));
    }

    /** A tree as YAML on one line. */
    private static String flow(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(entry -> quoted(String.valueOf(entry.getKey())) + ": " + flow(entry.getValue()))
                    .collect(Collectors.joining(", ", "{", "}"));
        }
        if (value instanceof List<?> list) {
            return list.stream().map(SweepFile::flow).collect(Collectors.joining(", ", "[", "]"));
        }
        YamlScalar scalar = (YamlScalar) value;
        return scalar.plain() && (scalar.isNumber() || scalar.isTrue() || scalar.isFalse() || scalar.isNull())
                ? scalar.text()
                : scalar.plain() && scalar.text().matches("[\\w./-]+") ? scalar.text() : quoted(scalar.text());
    }

    /** JSON is YAML. */
    private static String quoted(String text) {
        return TextNode.valueOf(text).toString();
    }
}
