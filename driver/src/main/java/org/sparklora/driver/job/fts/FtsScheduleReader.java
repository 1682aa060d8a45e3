package org.sparklora.driver.job.fts;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.config.YamlScalar;
import org.sparklora.driver.job.config.YamlSection;
import org.sparklora.driver.job.text.Problems;

/** Reads a schedule file and collects what is wrong with it. */
final class FtsScheduleReader {

    private static final String PARAMS = "params";
    private static final String MAX_TRANSITION_EPOCH = "max_transition_epoch";
    private static final String LR = "lr";
    private static final List<String> REINITIALISING = List.of("new_optimizer", "new_lr_scheduler");
    private static final List<String> KEYS =
            List.of(PARAMS, MAX_TRANSITION_EPOCH, LR, REINITIALISING.get(0), REINITIALISING.get(1));

    private static final Pattern PHASE = Pattern.compile("0|[1-9][0-9]{0,8}");
    private static final Pattern EPOCH = Pattern.compile("-?[0-9]{1,9}");

    private final Problems problems = new Problems();

    /** The path of each entry of params. */
    private final Map<String, String> paths = new HashMap<>();

    private FtsScheduleReader() {}

    static FtsSchedule read(Path file) {
        FtsScheduleReader reader = new FtsScheduleReader();
        String expected = "a map of phases: 0: with params: under it, then 1: and so on";
        List<FtsSchedule.Phase> phases = YamlSection.read(
                        file, "schedule file", "--from-fts", expected, reader.problems)
                .map(reader::phases)
                .orElse(List.of());
        reader.checkEpochs(phases);
        if (!reader.problems.isEmpty()) {
            throw new ConfigException(file.toString(), reader.problems);
        }
        return new FtsSchedule(file.toString(), phases);
    }

    private List<FtsSchedule.Phase> phases(YamlSection root) {
        SortedMap<Integer, FtsSchedule.Phase> phases = new TreeMap<>();
        boolean allNumbers = true;
        if (root.keys().isEmpty() && problems.isEmpty()) {
            problems.add("config.fts.phase", "the file has no phase; write 0: with params: under it");
        }
        for (String key : root.keys()) {
            if (PHASE.matcher(key).matches()) {
                int number = Integer.parseInt(key);
                phases.put(number, phase(number, root.section(key)));
            } else {
                allNumbers = false;
                root.problem(
                        "config.fts.phase", "'" + key + "'", "is not a phase; phases are numbered 0, 1, 2 and so on");
            }
        }
        int next = 0;
        while (phases.containsKey(next)) {
            next++;
        }
        if (allNumbers && next < phases.size()) {
            problems.add(
                    "config.fts.phase",
                    "the phases are " + phases.keySet() + ", without " + next + "; number them from 0 without a gap");
        }
        return List.copyOf(phases.values());
    }

    private FtsSchedule.Phase phase(int number, YamlSection phase) {
        phase.refuseOthers(KEYS);
        return new FtsSchedule.Phase(
                number,
                params(number, phase),
                maxTransitionEpoch(number, phase),
                lr(phase),
                REINITIALISING.stream().filter(phase::has).toList());
    }

    private List<String> params(int number, YamlSection phase) {
        Optional<Object> value = phase.value(PARAMS);
        if (value.isEmpty()) {
            phase.problem(
                    "config.key.missing",
                    PARAMS,
                    "is required: a list of the parameters that train from phase " + number + " on");
            return List.of();
        }
        if (!(value.get() instanceof List<?> list) || list.isEmpty()) {
            phase.mismatch(PARAMS, value.get(), "a list of at least one parameter; or remove the phase");
            return List.of();
        }
        List<String> params = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            String key = PARAMS + "[" + i + "]";
            if (list.get(i) instanceof YamlScalar name && !name.text().isBlank()) {
                checkParam(phase, key, name.text());
                params.add(name.text());
            } else {
                phase.mismatch(key, list.get(i), "the name of a parameter, or a regular expression");
            }
        }
        return params;
    }

    private void checkParam(YamlSection phase, String key, String param) {
        String first = paths.putIfAbsent(param, phase.path(key));
        if (first != null) {
            phase.problem(
                    "config.fts.params", key + "='" + param + "'", "is in " + first + " too; remove one of the two");
            return;
        }
        try {
            Pattern.compile(param);
        } catch (PatternSyntaxException e) {
            String position = e.getIndex() < 0 ? "" : " at position " + e.getIndex();
            phase.problem(
                    "config.pattern.invalid",
                    key + "='" + param + "'",
                    "is not a regular expression: " + e.getDescription() + position);
        }
    }

    private static OptionalInt maxTransitionEpoch(int number, YamlSection phase) {
        String expected =
                "a whole number: the epoch, from 0, before which phase " + (number + 1) + " begins, or -1 for none";
        return scalar(phase, MAX_TRANSITION_EPOCH, text -> EPOCH.matcher(text).matches(), expected)
                .mapToInt(Integer::parseInt)
                .filter(epoch -> epoch >= 0)
                .findFirst();
    }

    private static OptionalDouble lr(YamlSection phase) {
        // FTS reads it as Python's float() does, with or without quotes.
        return scalar(phase, LR, FtsScheduleReader::isPositive, "a number above 0")
                .mapToDouble(Double::parseDouble)
                .findFirst();
    }

    private static boolean isPositive(String text) {
        return new YamlScalar(text, true).isNumber()
                && Double.parseDouble(text) > 0
                && Double.isFinite(Double.parseDouble(text));
    }

    /** The text of a key, if there is one that fits. */
    private static Stream<String> scalar(YamlSection phase, String key, Predicate<String> fits, String expected) {
        Optional<Object> value = phase.value(key);
        if (value.isPresent() && value.get() instanceof YamlScalar scalar && fits.test(scalar.text())) {
            return Stream.of(scalar.text());
        }
        value.ifPresent(given -> phase.mismatch(key, given, expected));
        return Stream.empty();
    }

    /** A phase that must end before it can begin lasts a single epoch in FTS, which nobody writes on purpose. */
    private void checkEpochs(List<FtsSchedule.Phase> phases) {
        int begins = 0;
        String why = "phase 0 begins at epoch 0";
        for (FtsSchedule.Phase phase : phases) {
            if (phase.maxTransitionEpoch().isPresent()) {
                int ends = phase.maxTransitionEpoch().getAsInt();
                if (ends <= begins) {
                    problems.add(
                            "config.fts.phase",
                            phase.number() + "." + MAX_TRANSITION_EPOCH + "=" + ends + " must be above " + begins + ": "
                                    + why);
                }
                begins = Math.max(begins, ends);
                why = "phase " + (phase.number() + 1) + " may begin as late as that";
            }
        }
    }
}
