package org.sparklora.driver.job.config;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.sparklora.driver.job.text.Problems;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

/**
 * YAML text as a tree of {@code Map<String, Object>}, {@code List<Object>} and {@link YamlScalar}.
 *
 * <p>Built from the parser's nodes, so that no YAML tag can construct anything and scalars keep their text.
 */
final class YamlTree {

    /** Deeper than any job; reached only where an alias holds itself. */
    private static final int MAX_LEVELS = 50;

    private final Problems problems;

    private YamlTree(Problems problems) {
        this.problems = problems;
    }

    /** The tree; empty when the text has no document, or is no YAML, which is then among the problems. */
    static Optional<Object> parse(String yaml, Problems problems) {
        try {
            // A byte order mark is no part of the first key.
            Node root = new Yaml(new LoaderOptions())
                    .compose(new StringReader(yaml.startsWith("\uFEFF") ? yaml.substring(1) : yaml));
            return root == null ? Optional.empty() : Optional.of(new YamlTree(problems).value(root, "", 0));
        } catch (MarkedYAMLException e) {
            problems.add(
                    "config.yaml.syntax", where(e.getProblemMark()) + "not valid YAML: " + oneLine(e.getProblem()));
        } catch (YAMLException e) {
            problems.add("config.yaml.syntax", "not valid YAML: " + oneLine(String.valueOf(e.getMessage())));
        }
        return Optional.empty();
    }

    /** The map that a text holds, which the caller may change; empty when that is a problem. */
    static Optional<Map<String, Object>> parseMap(String yaml, String expected, Problems problems) {
        boolean hadProblems = !problems.isEmpty();
        Optional<Object> root = parse(yaml, problems);
        if (root.isPresent() && root.get() instanceof Map<?, ?> map) {
            return Optional.of(YamlSection.asMap(map));
        }
        if (hadProblems || problems.isEmpty()) {
            problems.add("config.file.content", "the file must hold " + expected);
        }
        return Optional.empty();
    }

    private Object value(Node node, String path, int level) {
        if (level > MAX_LEVELS) {
            throw new YAMLException(path.substring(0, Math.min(40, path.length())) + "… holds itself");
        }
        if (node instanceof MappingNode mapping) {
            return map(mapping, path, level);
        }
        if (node instanceof SequenceNode sequence) {
            List<Object> list = new ArrayList<>();
            for (Node item : sequence.getValue()) {
                list.add(value(item, path + "[" + list.size() + "]", level + 1));
            }
            return list;
        }
        ScalarNode scalar = (ScalarNode) node;
        return new YamlScalar(scalar.getValue(), scalar.getScalarStyle() == ScalarStyle.PLAIN);
    }

    private Map<String, Object> map(MappingNode mapping, String path, int level) {
        Map<String, Object> map = new LinkedHashMap<>();
        Map<String, Integer> lines = new HashMap<>();
        for (NodeTuple tuple : mapping.getValue()) {
            int line = tuple.getKeyNode().getStartMark().getLine() + 1;
            if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                problems.add("config.yaml.syntax", "line " + line + ": a key must be a plain word");
                continue;
            }
            String keyPath = YamlSection.join(path, key.getValue());
            Integer first = lines.putIfAbsent(key.getValue(), line);
            if (first != null) {
                problems.add(
                        "config.key.duplicate",
                        keyPath + " is given twice, in lines " + first + " and " + line + "; remove one of the two");
                continue;
            }
            map.put(key.getValue(), value(tuple.getValueNode(), keyPath, level + 1));
        }
        return map;
    }

    private static String where(Mark mark) {
        return "line " + (mark.getLine() + 1) + ", column " + (mark.getColumn() + 1) + ": ";
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
