package org.sparklora.driver.job.fts;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.sparklora.driver.job.manifest.JobValue;
import org.sparklora.driver.job.manifest.LayerRanges;
import org.sparklora.driver.job.manifest.LinearModule;
import org.sparklora.driver.job.manifest.ModuleMatcher;
import org.sparklora.driver.job.manifest.ModulePattern;
import org.sparklora.driver.job.manifest.ModuleSelection;
import org.sparklora.driver.job.text.Problems;

/**
 * Modules as a job file names them.
 *
 * @param names {@code target_modules}
 * @param layers {@code layers_to_transform}, ascending; empty: the names are whole
 */
record FtsTargets(List<String> names, List<Integer> layers) {

    private static final Pattern IN_LAYER = Pattern.compile(".*?\\.(\\d{1,9})\\.(.+)");

    FtsTargets {
        names = List.copyOf(names);
        layers = List.copyOf(layers);
    }

    /** Endings and layers where they mean exactly these modules of the model, and are fewer words; else whole names. */
    static FtsTargets of(List<String> paths, List<LinearModule> linears) {
        FtsTargets whole = new FtsTargets(paths, List.of());
        if (paths.size() < 2) {
            return whole;
        }
        return byLayer(paths, linears)
                .filter(targets -> targets.modules(linears).equals(Set.copyOf(paths)))
                .orElse(whole);
    }

    /** Empty where a module is in no layer, or layers differ in their modules. */
    private static Optional<FtsTargets> byLayer(List<String> paths, List<LinearModule> linears) {
        SortedMap<Integer, SortedSet<String>> endings = new TreeMap<>();
        for (String path : paths) {
            Matcher inLayer = IN_LAYER.matcher(path);
            if (!inLayer.matches()) {
                return Optional.empty();
            }
            endings.computeIfAbsent(Integer.parseInt(inLayer.group(1)), layer -> new TreeSet<>())
                    .add(inLayer.group(2));
        }
        Set<SortedSet<String>> ofLayers = new HashSet<>(endings.values());
        if (ofLayers.size() != 1) {
            return Optional.empty();
        }
        List<Integer> layers = List.copyOf(endings.keySet());
        SortedSet<String> names = new TreeSet<>();
        for (String ending : ofLayers.iterator().next()) {
            names.add(shortest(ending, layers, paths, linears));
        }
        return Optional.of(new FtsTargets(List.copyOf(names), layers));
    }

    /** The shortest end of a name that means no module in the layers beyond those wanted; all of it where none does. */
    private static String shortest(
            String ending, List<Integer> layers, List<String> wanted, List<LinearModule> linears) {
        for (int dot = ending.lastIndexOf('.'); dot >= 0; dot = ending.lastIndexOf('.', dot - 1)) {
            String name = ending.substring(dot + 1);
            if (wanted.containsAll(new FtsTargets(List.of(name), layers).modules(linears))) {
                return name;
            }
        }
        return ending;
    }

    private Set<String> modules(List<LinearModule> linears) {
        JobValue<ModulePattern> nothing = new JobValue<>("exclude_modules", ModulePattern.NONE);
        return new ModuleMatcher(linears)
                        .match("", new ModuleSelection(new ModulePattern.Names(names), nothing, layers), new Problems())
                        .stream()
                        .map(LinearModule::path)
                        .collect(Collectors.toSet());
    }

    /** The keys of a group, one line each. */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        if (layers.isEmpty() && names.size() > 1) {
            lines.add("target_modules:");
            names.forEach(name -> lines.add("  - " + name));
        } else {
            lines.add("target_modules: [" + String.join(", ", names) + "]");
        }
        if (!layers.isEmpty()) {
            lines.add("layers_to_transform: [" + String.join(", ", LayerRanges.of(layers)) + "]");
        }
        return lines;
    }
}
