package org.sparklora.driver.job.fts;

import java.io.StringReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.config.TextFile;
import org.sparklora.driver.job.text.NearMiss;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/** Reads a schedule from the parser's nodes, so that no YAML tag can construct anything; collects what is wrong with it. */
final class FtsScheduleReader {

    private static final String PARAMS = "params";
    private static final String MAX_TRANSITION_EPOCH = "max_transition_epoch";
    private static final String LR = "lr";
    private static final List<String> REINITIALISING = List.of("new_optimizer", "new_lr_scheduler");
    private static final List<String> KEYS =
            List.of(PARAMS, MAX_TRANSITION_EPOCH, LR, REINITIALISING.get(0), REINITIALISING.get(1));

    private static final Pattern PHASE = Pattern.compile("0|[1-9][0-9]{0,8}");
    private static final Pattern EPOCH = Pattern.compile("-?[0-9]{1,9}");
    // As Python's float() reads it: 1e-04, which is a text to YAML 1.1, is a number to FTS.
    private static final Pattern NUMBER = Pattern.compile("[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?");

    private final List<String> problems = new ArrayList<>();

    /** Where each entry of params stands. */
    private final Map<String, String> places = new HashMap<>();

    private FtsScheduleReader() {}

    static FtsSchedule read(Path file) {
        FtsScheduleReader reader = new FtsScheduleReader();
        List<FtsSchedule.Phase> phases = TextFile.read(file, "schedule file", "--from-fts", reader.problems::add)
                .flatMap(reader::root)
                .map(reader::phases)
                .orElse(List.of());
        reader.checkEpochs(phases);
        if (!reader.problems.isEmpty()) {
            throw new ConfigException(file.toString(), reader.problems);
        }
        return new FtsSchedule(file.toString(), phases);
    }

    private Optional<MappingNode> root(String yaml) {
        try {
            // A byte order mark is no part of the first key.
            Node root = new Yaml(new LoaderOptions())
                    .compose(new StringReader(yaml.startsWith("\uFEFF") ? yaml.substring(1) : yaml));
            if (root instanceof MappingNode map && !map.getValue().isEmpty()) {
                return Optional.of(map);
            }
            problems.add("the file must hold a map of phases: 0: with params: under it, then 1: and so on");
        } catch (MarkedYAMLException e) {
            problems.add("line " + (e.getProblemMark().getLine() + 1) + ": not valid YAML: "
                    + e.getProblem().strip().replaceAll("\\s*\\R\\s*", "; "));
        } catch (YAMLException e) {
            problems.add("not valid YAML: " + String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", "; "));
        }
        return Optional.empty();
    }

    private List<FtsSchedule.Phase> phases(MappingNode root) {
        SortedMap<Integer, Node> numbered = new TreeMap<>();
        boolean allNumbers = true;
        for (Map.Entry<String, Node> entry : entries("", root).entrySet()) {
            if (PHASE.matcher(entry.getKey()).matches()) {
                numbered.put(Integer.parseInt(entry.getKey()), entry.getValue());
            } else {
                allNumbers = false;
                problems.add("'" + entry.getKey() + "' is no phase; phases are numbered 0, 1, 2 and so on");
            }
        }
        List<FtsSchedule.Phase> phases = new ArrayList<>();
        numbered.forEach((number, node) -> phases.add(phase(number, node)));
        int next = IntStream.iterate(0, i -> i + 1)
                .filter(i -> !numbered.containsKey(i))
                .findFirst()
                .orElse(0);
        if (allNumbers && next < numbered.size()) {
            problems.add("the phases are "
                    + numbered.keySet().stream().map(String::valueOf).collect(Collectors.joining(", "))
                    + ", without " + next + "; number them from 0 without a gap");
        }
        return phases;
    }

    private FtsSchedule.Phase phase(int number, Node node) {
        Map<String, Node> values = Map.of();
        if (node instanceof MappingNode map) {
            values = entries(number + ".", map);
            refuseUnknown(number, values);
        } else if (!isNull(node)) {
            problems.add(number + " must be a map of keys, with params: among them");
            return new FtsSchedule.Phase(number, List.of(), OptionalInt.empty(), OptionalDouble.empty(), List.of());
        }
        return new FtsSchedule.Phase(
                number,
                params(number, values.get(PARAMS)),
                maxTransitionEpoch(number, values.get(MAX_TRANSITION_EPOCH)),
                lr(number, values.get(LR)),
                REINITIALISING.stream().filter(values::containsKey).toList());
    }

    /** The entries of a map in the file's order; a key that is null counts as left out. */
    private Map<String, Node> entries(String path, MappingNode map) {
        Map<String, Node> entries = new LinkedHashMap<>();
        Map<String, Integer> lines = new HashMap<>();
        for (NodeTuple tuple : map.getValue()) {
            int line = tuple.getKeyNode().getStartMark().getLine() + 1;
            if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                problems.add("line " + line + ": a key must be a number or a plain word");
                continue;
            }
            Integer first = lines.putIfAbsent(key.getValue(), line);
            if (first != null) {
                problems.add(
                        path + key.getValue() + " is given twice, in lines " + first + " and " + line + "; keep one");
            } else if (path.isEmpty() || !isNull(tuple.getValueNode())) {
                entries.put(key.getValue(), tuple.getValueNode());
            }
        }
        return entries;
    }

    private void refuseUnknown(int number, Map<String, Node> values) {
        for (String key : values.keySet()) {
            if (!KEYS.contains(key)) {
                String hint = NearMiss.of(key, KEYS)
                        .map(near -> "did you mean " + number + "." + near + "?")
                        .orElse("the keys of a phase are " + String.join(", ", KEYS));
                problems.add(number + "." + key + " is not a key; " + hint);
            }
        }
    }

    private List<String> params(int number, @Nullable Node node) {
        String key = number + "." + PARAMS;
        if (node == null) {
            problems.add(key + " is missing; it lists the parameters that learn from phase " + number + " on");
            return List.of();
        }
        if (!(node instanceof SequenceNode list)) {
            problems.add(key + shown(node) + " must be a list of parameters");
            return List.of();
        }
        if (list.getValue().isEmpty()) {
            problems.add(key + " is empty; list at least one parameter, or remove the phase");
        }
        List<String> params = new ArrayList<>();
        for (int i = 0; i < list.getValue().size(); i++) {
            if (list.getValue().get(i) instanceof ScalarNode name
                    && !name.getValue().isBlank()) {
                checkParam(key + "[" + i + "]", name.getValue());
                params.add(name.getValue());
            } else {
                problems.add(key + "[" + i + "] must be the name of a parameter, or a regular expression");
            }
        }
        return params;
    }

    private void checkParam(String where, String param) {
        String first = places.putIfAbsent(param, where);
        if (first != null) {
            problems.add(where + "='" + param + "' stands in " + first + " already; keep one");
            return;
        }
        try {
            Pattern.compile(param);
        } catch (PatternSyntaxException e) {
            problems.add(where + "='" + param + "' is no regular expression: " + e.getDescription()
                    + (e.getIndex() < 0 ? "" : " at position " + e.getIndex()));
        }
    }

    private OptionalInt maxTransitionEpoch(int number, @Nullable Node node) {
        if (node == null) {
            return OptionalInt.empty();
        }
        if (node instanceof ScalarNode scalar
                && EPOCH.matcher(scalar.getValue()).matches()) {
            int epoch = Integer.parseInt(scalar.getValue());
            return epoch < 0 ? OptionalInt.empty() : OptionalInt.of(epoch);
        }
        problems.add(
                number + "." + MAX_TRANSITION_EPOCH + shown(node) + " must be a whole number: the epoch, from 0, before"
                        + " which phase " + (number + 1) + " begins, or -1 for none");
        return OptionalInt.empty();
    }

    private OptionalDouble lr(int number, @Nullable Node node) {
        if (node == null) {
            return OptionalDouble.empty();
        }
        if (node instanceof ScalarNode scalar
                && NUMBER.matcher(scalar.getValue()).matches()) {
            double lr = Double.parseDouble(scalar.getValue());
            if (lr > 0 && lr < Double.POSITIVE_INFINITY) {
                return OptionalDouble.of(lr);
            }
        }
        problems.add(number + "." + LR + shown(node) + " must be a number above 0");
        return OptionalDouble.empty();
    }

    /** A phase that must end before it can begin lasts a single epoch in FTS, which nobody writes on purpose. */
    private void checkEpochs(List<FtsSchedule.Phase> phases) {
        int begins = 0;
        String why = "phase 0 begins at epoch 0";
        for (FtsSchedule.Phase phase : phases) {
            if (phase.maxTransitionEpoch().isPresent()) {
                int ends = phase.maxTransitionEpoch().getAsInt();
                if (ends <= begins) {
                    problems.add(phase.number() + "." + MAX_TRANSITION_EPOCH + "=" + ends + " must be above " + begins
                            + ": " + why);
                }
                begins = Math.max(begins, ends);
                why = "phase " + (phase.number() + 1) + " may begin as late as that";
            }
        }
    }

    private static boolean isNull(Node node) {
        return node.getTag().equals(Tag.NULL);
    }

    private static String shown(Node node) {
        return node instanceof ScalarNode scalar ? "='" + scalar.getValue().replace("\n", "\\n") + "'" : "";
    }
}
