package org.sparklora.driver.job.fts;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.manifest.ManifestBuilder;
import org.sparklora.driver.job.manifest.ModuleMatcher;
import org.sparklora.driver.job.text.Problems;

/**
 * What of one phase LoRA can adapt. A module belongs to the phase of its weight: LoRA changes the weight, so
 * a bias beside it is not reported.
 *
 * @param paths of Linears, in the order of the schedule
 * @param head whether the classifier is among the phase's parameters
 * @param leftOut every other parameter
 */
record FtsModules(List<String> paths, boolean head, List<String> leftOut) {

    private static final String WEIGHT = ".weight";
    private static final String BIAS = ".bias";

    FtsModules {
        paths = List.copyOf(paths);
        leftOut = List.copyOf(leftOut);
    }

    /**
     * The modules of each phase.
     *
     * @throws ConfigException naming entries that mean nothing, and parameters that two phases share
     */
    static List<FtsModules> of(FtsSchedule schedule, Optional<FtsModel> model) {
        FtsNames names = FtsNames.of(schedule, model);
        Problems problems = new Problems();
        Map<String, Set<String>> parameters = new LinkedHashMap<>();
        for (FtsSchedule.Phase phase : schedule.phases()) {
            parameters.put(phase.number() + ".params", parameters(phase, names, problems));
        }
        ManifestBuilder.shared(parameters)
                .forEach((pair, both) -> problems.add(
                        "config.fts.params",
                        pair + " both mean '" + both.get(0) + "'" + ModuleMatcher.andMore(both.size() - 1)
                                + "; a parameter may be in one phase only"));
        List<FtsModules> phases =
                parameters.values().stream().map(phase -> split(phase, names)).toList();
        if (problems.isEmpty()
                && phases.stream().allMatch(phase -> phase.paths().isEmpty())) {
            problems.add(
                    "config.fts.params",
                    "no phase has a weight that LoRA can adapt, and a job needs one group at least; add the weights of"
                            + " Linears, such as query and value");
        }
        if (!problems.isEmpty()) {
            throw new ConfigException(schedule.file(), problems);
        }
        return phases;
    }

    private static Set<String> parameters(FtsSchedule.Phase phase, FtsNames names, Problems problems) {
        Set<String> parameters = new LinkedHashSet<>();
        for (int i = 0; i < phase.params().size(); i++) {
            String entry = phase.params().get(i);
            List<String> meant = names.of(entry);
            if (meant.isEmpty()) {
                problems.add(
                        "config.fts.params",
                        phase.number() + ".params[" + i + "]='" + entry + "' " + names.whyNone(entry));
            }
            parameters.addAll(meant);
        }
        return parameters;
    }

    private static FtsModules split(Set<String> parameters, FtsNames names) {
        List<String> paths = new ArrayList<>();
        List<String> leftOut = new ArrayList<>();
        boolean head = false;
        for (String parameter : parameters) {
            String path = parameter.substring(0, Math.max(0, parameter.lastIndexOf('.')));
            if (FtsNames.isHead(parameter)) {
                head = true;
            } else if (names.isLinear(path) && parameter.endsWith(WEIGHT)) {
                paths.add(path);
            } else if (!(names.isLinear(path) && parameter.endsWith(BIAS) && parameters.contains(path + WEIGHT))) {
                leftOut.add(parameter);
            }
        }
        return new FtsModules(paths, head, leftOut);
    }
}
