package org.sparklora.driver.job.manifest;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.sparklora.driver.job.text.Problems;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.lora.LoraVariant;

/** Builds the manifest of a run from the job's groups and the model's modules, or reports every problem. */
public final class ManifestBuilder {

    private static final Set<String> IMPLICIT = Set.of(LoraManifest.HEAD, LoraManifest.BIAS);

    private ManifestBuilder() {}

    /**
     * Builds the manifest.
     *
     * @throws ManifestException with all problems at once
     */
    public static LoraManifest build(List<GroupSpec> specs, ModelTensors model, BiasMode bias, LoraVariant variant) {
        Problems problems = new Problems();
        checkNames(specs, problems);
        ModuleMatcher matcher = new ModuleMatcher(model.linears());
        specs.stream()
                .map(spec -> spec.modules().exclude())
                .distinct()
                .forEach(exclude -> matcher.checkExclude(exclude, problems));
        Map<GroupSpec, List<LinearModule>> members = new LinkedHashMap<>();
        for (GroupSpec spec : specs) {
            members.put(spec, matcher.match(spec.key(), spec.modules(), problems));
        }
        new SizeCheck(members, matcher, problems).check();
        checkDisjoint(members, problems);
        if (!problems.isEmpty()) {
            throw new ManifestException(problems);
        }
        List<LoraGroup> groups = new ArrayList<>();
        members.forEach((spec, modules) -> groups.add(group(spec, modules)));
        LoraManifest manifest = new LoraManifest(
                variant, groups, bias, model.head(), bias == BiasMode.ALL ? model.encoderBiases() : List.of());
        try {
            variant.saved(manifest, AdapterSnapshot.EMPTY);
        } catch (IllegalArgumentException e) {
            String twice = "lora: with " + variant.settings() + " the adapter is saved with twice its rank; ";
            throw new ManifestException("manifest.rank.invalid", List.of(twice + e.getMessage()));
        }
        return manifest;
    }

    private static LoraGroup group(GroupSpec spec, List<LinearModule> modules) {
        GroupSpec.Size size = spec.size();
        List<LoraModule> adapted = modules.stream()
                .map(m -> new LoraModule(
                        m.path(), size.r(m.path()), size.alpha(m.path()), m.inFeatures(), m.outFeatures()))
                .toList();
        return new LoraGroup(spec.name(), spec.purpose(), adapted, spec.settings());
    }

    private static void checkNames(List<GroupSpec> specs, Problems problems) {
        if (specs.isEmpty()) {
            problems.add("manifest.group.name", "lora.groups is empty; a job needs at least one group");
        }
        Set<String> seen = new TreeSet<>();
        for (GroupSpec spec : specs) {
            if (IMPLICIT.contains(spec.name())) {
                problems.add(
                        "manifest.group.name",
                        spec.key() + ": the name '" + spec.name() + "' is taken by an implicit group; choose another");
            }
            if (!seen.add(spec.name())) {
                problems.add("manifest.group.name", spec.key() + " is defined twice; group names must differ");
            }
        }
    }

    /** One problem for each pair of groups that share modules, however many they share. */
    private static void checkDisjoint(Map<GroupSpec, List<LinearModule>> members, Problems problems) {
        Map<String, List<String>> paths = new LinkedHashMap<>();
        members.forEach((spec, modules) ->
                paths.put(spec.key(), modules.stream().map(LinearModule::path).toList()));
        shared(paths)
                .forEach((pair, both) -> problems.add(
                        "manifest.module.shared",
                        pair + " both match '" + both.get(0) + "'" + ModuleMatcher.andMore(both.size() - 1)
                                + "; a module may be in one group only"));
    }

    /**
     * What is in two collections, by {@code A and B}: the first that has it and the other.
     *
     * @param collections by their names in messages
     */
    public static Map<String, List<String>> shared(Map<String, ? extends Collection<String>> collections) {
        Map<String, String> owner = new HashMap<>();
        Map<String, List<String>> shared = new LinkedHashMap<>();
        collections.forEach((name, items) -> {
            for (String item : items) {
                String first = owner.putIfAbsent(item, name);
                if (first != null) {
                    shared.computeIfAbsent(first + " and " + name, pair -> new ArrayList<>())
                            .add(item);
                }
            }
        });
        return shared;
    }
}
