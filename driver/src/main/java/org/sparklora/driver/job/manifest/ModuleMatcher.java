package org.sparklora.driver.job.manifest;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.sparklora.driver.job.text.Problems;
import org.sparklora.worker.contract.LoraModule;

/**
 * Finds the modules that a group means, by the rules of current PEFT.
 *
 * <ul>
 *   <li>A list entry t matches a module named t, or one whose name ends in "." + t.
 *   <li>A string is a regular expression that must match the whole name; {@code all-linear} is every Linear.
 *   <li>Tables of embeddings are matched by names, and by an expression that speaks of embeddings. One that does not, such as
 *       {@code .*}, is refused by PEFT, which cannot adapt the layer normalizations that it matches too; here it means Linears.
 *   <li>{@code exclude_modules}, a list or a string likewise, overrides {@code target_modules}.
 *   <li>{@code layers_to_transform} limits the match to those layers, the number in {@code .layer.N.}; modules outside
 *       numbered layers (the pooler) are left out. As in PEFT, a module that a list gives by its whole name stays.
 *       PEFT refuses the filter together with a string; here it applies to all three.
 *   <li>The classifier is never a target: it is the head, together with ({@code classifier.dense}, {@code
 *       pre_classifier}).
 * </ul>
 *
 * PEFT silently adapts or excludes less when an entry matches nothing; here every entry must match something.
 */
public final class ModuleMatcher {

    /** Modules of heads; which of them a model has, only the model can tell. */
    public static final List<String> HEAD_MODULES = List.of("classifier", "pre_classifier");

    private final List<LinearModule> modules;
    private final ModelLayers layers;
    private final ModuleHints hints;

    /** Matches among these modules of a base model; those of heads are left out, as PEFT does. */
    public ModuleMatcher(Collection<LinearModule> modules) {
        this.modules = modules.stream()
                .filter(m -> !isHead(m.path()))
                .sorted(Comparator.comparing(LinearModule::path))
                .toList();
        this.layers = new ModelLayers(this.modules);
        this.hints = new ModuleHints(this.modules, layers);
    }

    /** One name of a list, or the one string: its path, a test for modules, and a hint when it matches none. */
    private record Entry(String where, String name, Predicate<String> test, Supplier<String> whyNone) {}

    /**
     * The modules of one group, ordered by path. {@link #checkExclude} checks its exclusion.
     *
     * @param groupKey path of the group in the job file, e.g. {@code lora.groups.top}; problems begin with it
     */
    public List<LinearModule> match(String groupKey, ModuleSelection selection, Problems problems) {
        checkLayers(groupKey, selection.layers(), problems);
        if (selection.targets().equals(ModulePattern.NONE)) {
            problems.add("manifest.module.unmatched", groupKey + ".target_modules is empty; " + hints.endings());
        }
        Set<LinearModule> found = new LinkedHashSet<>();
        for (Entry entry : entries(groupKey + ".target_modules", selection.targets())) {
            List<LinearModule> named = matching(entry);
            if (named.isEmpty()) {
                problems.add(
                        "manifest.module.unmatched",
                        entry.where() + " matches no module; " + entry.whyNone().get());
                continue;
            }
            List<LinearModule> kept = inLayers(entry, named, selection.layers(), problems);
            found.addAll(notExcluded(entry, kept, selection.exclude(), problems));
        }
        return found.stream().sorted(Comparator.comparing(LinearModule::path)).toList();
    }

    /** Checks that every entry of an {@code exclude_modules} matches something, if only a module of a head. */
    public void checkExclude(JobValue<ModulePattern> exclude, Problems problems) {
        for (Entry entry : entries(exclude.key(), exclude.value())) {
            if (matching(entry).isEmpty() && HEAD_MODULES.stream().noneMatch(entry.test())) {
                problems.add(
                        "manifest.module.unmatched",
                        entry.where() + " matches no module; " + entry.whyNone().get());
            }
        }
    }

    /** Why a pattern of a rank_pattern or alpha_pattern matches none of its groups' modules. */
    String hint(PatternMap.Entry<?> pattern) {
        return modules.stream()
                .filter(m -> pattern.matches(m.path()))
                .findFirst()
                .map(m -> "it matches '" + m.path() + "', which is not among them")
                .orElseGet(() -> hints.spelling(pattern.pattern()));
    }

    private List<Entry> entries(String key, ModulePattern pattern) {
        List<Entry> entries = new ArrayList<>();
        if (pattern instanceof ModulePattern.Names list) {
            for (String name : list.names()) {
                String where = key + "[" + entries.size() + "]='" + name + "'";
                entries.add(new Entry(where, name, path -> isNamed(path, name), () -> hints.ofName(name)));
            }
        } else if (pattern instanceof ModulePattern.Regex string) {
            Pattern regex = string.compiled();
            String where = key + "='" + string.regex() + "'";
            boolean tables = string.regex().contains("embeddings");
            Predicate<String> test = path -> regex.matcher(path).matches() && (tables || !LoraModule.isTable(path));
            entries.add(new Entry(where, "", test, () -> hints.ofRegex(string.regex())));
        } else {
            entries.add(new Entry(
                    key + "=" + ModulePattern.AllLinear.SHORTHAND,
                    "",
                    path -> !LoraModule.isTable(path),
                    hints::endings));
        }
        return entries;
    }

    private void checkLayers(String groupKey, List<Integer> wanted, Problems problems) {
        List<Integer> unknown = layers.unknown(wanted);
        if (!unknown.isEmpty()) {
            String numbers = unknown.stream().map(String::valueOf).collect(Collectors.joining(", "));
            problems.add(
                    "manifest.layer.unknown",
                    groupKey + ".layers_to_transform: this model has no layer " + numbers + "; it has "
                            + layers.range());
        }
    }

    /** The modules of a match that are in the wanted layers; it is a problem when none is. */
    private List<LinearModule> inLayers(
            Entry entry, List<LinearModule> named, List<Integer> wanted, Problems problems) {
        List<LinearModule> kept = named.stream()
                .filter(m -> m.path().equals(entry.name()) || isInLayers(m, wanted))
                .toList();
        // With only impossible layer numbers the filter itself has been reported.
        if (kept.isEmpty() && layers.unknown(wanted).size() < wanted.size()) {
            problems.add(
                    "manifest.module.unmatched",
                    entry.where() + " matches no module in layers_to_transform=" + wanted + "; without it it matches "
                            + shown(named));
        }
        return kept;
    }

    private List<LinearModule> notExcluded(
            Entry entry, List<LinearModule> named, JobValue<ModulePattern> exclude, Problems problems) {
        List<LinearModule> kept =
                named.stream().filter(m -> !isExcluded(m, exclude)).toList();
        if (kept.isEmpty() && !named.isEmpty()) {
            problems.add(
                    "manifest.module.excluded",
                    entry.where() + " matches only modules that " + exclude.key() + " excludes: " + shown(named)
                            + "; remove it from one of them");
        }
        return kept;
    }

    /** Whether a group keeps a module that one of its targets means: by its layer, and not excluded. */
    boolean keeps(ModuleSelection selection, LinearModule module) {
        return isInLayers(module, selection.layers()) && !isExcluded(module, selection.exclude());
    }

    private static boolean isInLayers(LinearModule module, List<Integer> wanted) {
        return wanted.isEmpty() || ModelLayers.numberOf(module.path()).stream().anyMatch(wanted::contains);
    }

    private boolean isExcluded(LinearModule module, JobValue<ModulePattern> exclude) {
        return entries(exclude.key(), exclude.value()).stream()
                .anyMatch(e -> e.test().test(module.path()));
    }

    private List<LinearModule> matching(Entry entry) {
        return modules.stream().filter(m -> entry.test().test(m.path())).toList();
    }

    /** PEFT's rule for an entry of a list. */
    static boolean isNamed(String path, String name) {
        return path.equals(name) || path.endsWith("." + name);
    }

    static boolean isHead(String path) {
        return HEAD_MODULES.stream().anyMatch(head -> path.equals(head) || path.startsWith(head + "."));
    }

    /** The first of some modules in quotes, and how many more there are. */
    static String shown(List<LinearModule> modules) {
        return "'" + modules.get(0).path() + "'" + andMore(modules.size() - 1);
    }

    /** How many more there are than the one that is shown; nothing for none. */
    public static String andMore(int count) {
        return count == 0 ? "" : " and " + count + " more";
    }
}
