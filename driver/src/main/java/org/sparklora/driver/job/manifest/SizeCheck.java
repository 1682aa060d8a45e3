package org.sparklora.driver.job.manifest;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.sparklora.driver.job.text.Problems;

/**
 * Checks the ranks and alphas of a job's groups against the modules that they matched.
 *
 * @param members the modules of each group; empty for a group with wrong modules, whose patterns are not checked
 */
record SizeCheck(Map<GroupSpec, List<LinearModule>> members, ModuleMatcher matcher, Problems problems) {

    void check() {
        members.forEach(this::ranks);
        patterns(spec -> spec.size().rankPattern());
        patterns(spec -> spec.size().alphaPattern());
    }

    private void ranks(GroupSpec spec, List<LinearModule> modules) {
        int r = spec.size().r();
        double alpha = spec.size().alpha();
        if (r < 1) {
            problems.add("manifest.rank.invalid", spec.key() + ".r=" + r + " must be at least 1");
        }
        if (!(alpha > 0.0) || Double.isInfinite(alpha)) {
            problems.add("manifest.alpha.invalid", spec.key() + ".lora_alpha=" + alpha + " must be a number above 0");
        }
        JobValue<PatternMap<Integer>> pattern = spec.size().rankPattern();
        Map<String, List<LinearModule>> tooSmall = new LinkedHashMap<>();
        Map<String, String> advice = new LinkedHashMap<>();
        for (LinearModule m : modules) {
            if (spec.size().r(m.path()) > m.largestRank()) {
                Optional<PatternMap.Entry<Integer>> own = pattern.value().first(m.path());
                String where = own.map(e -> where(pattern.key(), e)).orElse(spec.key() + ".r=" + r);
                tooSmall.computeIfAbsent(where, w -> new ArrayList<>()).add(m);
                advice.put(where, own.isPresent() ? "lower it" : "lower r (lora.r, if the group inherits it)");
            }
        }
        tooSmall.forEach((where, those) ->
                problems.add("manifest.rank.invalid", where + tooLarge(those) + "; " + advice.get(where)));
    }

    /** The tightest module speaks for all that are too small for a rank. */
    private static String tooLarge(List<LinearModule> tooSmall) {
        LinearModule m = tooSmall.stream()
                .min(Comparator.comparingInt(LinearModule::largestRank).thenComparing(LinearModule::path))
                .orElseThrow();
        return " is above " + m.largestRank() + ", the smaller side of the " + m.outFeatures() + " x " + m.inFeatures()
                + " weight of '" + m.path() + "'" + ModuleMatcher.andMore(tooSmall.size() - 1);
    }

    /** Each pattern must speak for a module of the groups that have it. */
    private <T> void patterns(Function<GroupSpec, JobValue<PatternMap<T>>> which) {
        Map<JobValue<PatternMap<T>>, List<LinearModule>> reach = new LinkedHashMap<>();
        Map<JobValue<PatternMap<T>>, Boolean> known = new LinkedHashMap<>();
        members.forEach((spec, modules) -> {
            reach.computeIfAbsent(which.apply(spec), v -> new ArrayList<>()).addAll(modules);
            known.merge(which.apply(spec), !modules.isEmpty(), Boolean::logicalAnd);
        });
        reach.forEach((pattern, modules) -> {
            if (Boolean.TRUE.equals(known.get(pattern))) {
                pattern.value().entries().forEach(entry -> pattern(pattern, entry, modules));
            }
        });
    }

    private <T> void pattern(JobValue<PatternMap<T>> pattern, PatternMap.Entry<T> entry, List<LinearModule> modules) {
        List<LinearModule> matching =
                modules.stream().filter(m -> entry.matches(m.path())).toList();
        if (matching.isEmpty()) {
            problems.add(
                    "manifest.pattern.unused",
                    where(pattern.key(), entry) + " matches no module of " + owner(pattern.key()) + "; "
                            + matcher.hint(entry));
            return;
        }
        boolean counts = matching.stream()
                .anyMatch(m ->
                        pattern.value().first(m.path()).filter(entry::equals).isPresent());
        if (!counts) {
            String before = pattern.value()
                    .first(matching.get(0).path())
                    .map(PatternMap.Entry::pattern)
                    .orElseThrow();
            problems.add(
                    "manifest.pattern.unused",
                    where(pattern.key(), entry) + " never counts: '" + before + "' stands before it and matches "
                            + ModuleMatcher.shown(matching) + "; the first that matches counts, so move it up");
        }
    }

    private static String owner(String key) {
        return key.startsWith("lora.groups.") ? "this group" : "the groups that inherit it";
    }

    private static String where(String key, PatternMap.Entry<?> entry) {
        return key + "['" + entry.pattern() + "']=" + entry.value();
    }
}
