package org.sparklora.driver.manifest;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.sparklora.driver.spelling.NearMiss;

/**
 * Finds the modules that a group's {@code target_modules} means, by the rules of current PEFT.
 *
 * <ul>
 *   <li>A list entry t matches a module named t, or one whose name ends in "." + t.
 *   <li>A string is a regular expression that must match the whole name.
 *   <li>{@code layers_to_transform} keeps the modules of those layers, the layer being the number in {@code .layer.N.};
 *       modules outside the layers (the pooler) fall away. As in PEFT a module that a list gives by its whole name stays.
 *       PEFT refuses the filter together with a string; here it applies to both.
 *   <li>The classifier is never a target: it is the head.
 * </ul>
 *
 * Where PEFT would silently adapt less than was written, this says so: every entry must match something.
 */
public final class ModuleMatcher {

    private static final String HEAD_MODULE = "classifier";

    private final List<LinearModule> modules;
    private final LayerNames layers;

    public ModuleMatcher(Collection<LinearModule> modules) {
        this.modules = modules.stream()
                .filter(m -> !isHead(m.path()))
                .sorted(Comparator.comparing(LinearModule::path))
                .toList();
        this.layers = new LayerNames(this.modules);
    }

    /**
     * What one group matched, ordered by path, and what is wrong with its definition.
     *
     * @param problems empty when the modules may be used
     */
    public record Match(List<LinearModule> modules, List<String> problems) {
        public Match {
            modules = List.copyOf(modules);
            problems = List.copyOf(problems);
        }
    }

    /**
     * Matches one group.
     *
     * @param groupKey where the group stands in the job file, e.g. {@code lora.groups.top}; problems begin with it
     */
    public Match match(String groupKey, TargetModules targets) {
        List<String> problems = new ArrayList<>();
        checkLayers(groupKey, targets, problems);
        Set<LinearModule> found = new LinkedHashSet<>();
        if (targets instanceof TargetModules.Names list) {
            if (list.names().isEmpty()) {
                problems.add(groupKey + ".target_modules is empty; " + endings());
            }
            for (int i = 0; i < list.names().size(); i++) {
                String name = list.names().get(i);
                String where = groupKey + ".target_modules[" + i + "]='" + name + "'";
                List<LinearModule> matching = matching(m -> matches(m.path(), name));
                if (matching.isEmpty()) {
                    problems.add(where + " matches no module; " + whyNoName(name));
                }
                found.addAll(filtered(where, matching, targets, name, problems));
            }
        } else if (targets instanceof TargetModules.Regex string) {
            String where = groupKey + ".target_modules='" + string.regex() + "'";
            found.addAll(matchRegex(where, string, problems));
        }
        List<LinearModule> ordered =
                found.stream().sorted(Comparator.comparing(LinearModule::path)).toList();
        return new Match(ordered, problems);
    }

    private void checkLayers(String groupKey, TargetModules targets, List<String> problems) {
        for (int i = 0; i < targets.layers().size(); i++) {
            int layer = targets.layers().get(i);
            if (!layers.contains(layer)) {
                problems.add(groupKey + ".layers_to_transform[" + i + "]=" + layer
                        + " is no layer of this model; this model has " + layers.range());
            }
        }
    }

    private List<LinearModule> matchRegex(String where, TargetModules.Regex string, List<String> problems) {
        Pattern pattern;
        try {
            pattern = Pattern.compile(string.regex());
        } catch (PatternSyntaxException e) {
            String position = e.getIndex() < 0 ? "" : " at position " + e.getIndex();
            String hint = string.regex().contains("(?P<") ? "; write a named group as (?<name>…)" : "";
            problems.add(where + " is not a regular expression: " + e.getDescription() + position + hint);
            return List.of();
        }
        List<LinearModule> matching = matching(m -> pattern.matcher(m.path()).matches());
        if (matching.isEmpty()) {
            problems.add(where + " matches no module; " + whyNoRegex(string.regex(), pattern));
        }
        return filtered(where, matching, string, "", problems);
    }

    /** The part of a match that the layer filter keeps; keeping nothing of something is a problem. */
    private List<LinearModule> filtered(
            String where, List<LinearModule> matching, TargetModules targets, String wholeName, List<String> problems) {
        List<Integer> wanted = targets.layers();
        if (wanted.isEmpty() || matching.isEmpty()) {
            return matching;
        }
        List<LinearModule> kept = matching.stream()
                .filter(m -> m.path().equals(wholeName)
                        || LayerNames.numberOf(m.path()).stream().anyMatch(wanted::contains))
                .toList();
        // With only impossible layer numbers the filter itself has been reported.
        if (kept.isEmpty() && wanted.stream().anyMatch(layers::contains)) {
            problems.add(where + " matches no module in layers_to_transform=" + wanted + "; without it it matches '"
                    + matching.get(0).path() + "'" + andMore(matching.size() - 1));
        }
        return kept;
    }

    private String whyNoName(String name) {
        if (isHead(name)) {
            return "the classifier is the implicit group 'head' and always trains";
        }
        if (layers.isBeyond(name)) {
            return "this model has " + layers.range();
        }
        if (name.matches(".*[*+?|()\\[\\]\\\\^$].*")) {
            return "an entry of a list is a name; for a regular expression write a string instead of a list";
        }
        return NearMiss.of(name, endingsOfLength(parts(name)))
                .map(near -> "did you mean '" + near + "'?")
                .orElseGet(this::endings);
    }

    private String whyNoRegex(String regex, Pattern pattern) {
        if (regex.equals("all-linear")) {
            return "PEFT's shorthand 'all-linear' is not taken here; " + endings();
        }
        if (!matching(m -> matches(m.path(), regex)).isEmpty()) {
            return "a string is a regular expression for the whole name; write a list, [" + regex + "]";
        }
        List<LinearModule> partly = matching(m -> pattern.matcher(m.path()).find());
        if (!partly.isEmpty()) {
            return "it matches only a part of '" + partly.get(0).path()
                    + "' and must match the whole name; begin it with .* perhaps";
        }
        return modules.isEmpty()
                ? endings()
                : "a module's whole name looks like '" + modules.get(0).path() + "'";
    }

    /** The last parts of all names, for a person who has to pick one. */
    private String endings() {
        if (modules.isEmpty()) {
            return "this model has no module that can be adapted";
        }
        return "list names of this model: [" + String.join(", ", endingsOfLength(1)) + "]";
    }

    private Set<String> endingsOfLength(int parts) {
        Set<String> endings = new TreeSet<>();
        for (LinearModule module : modules) {
            String[] path = module.path().split("\\.", -1);
            if (path.length >= parts) {
                endings.add(String.join(".", List.of(path).subList(path.length - parts, path.length)));
            }
        }
        return endings;
    }

    private List<LinearModule> matching(Predicate<LinearModule> test) {
        return modules.stream().filter(test).toList();
    }

    private static boolean matches(String path, String name) {
        return path.equals(name) || path.endsWith("." + name);
    }

    private static boolean isHead(String path) {
        return path.equals(HEAD_MODULE) || path.startsWith(HEAD_MODULE + ".");
    }

    private static int parts(String name) {
        return name.split("\\.", -1).length;
    }

    static String andMore(int count) {
        return count == 0 ? "" : " and " + count + " more";
    }
}
