package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.sparklora.driver.job.manifest.LayerRanges;

/** Shortens module names for people: {@code bert.encoder.layer.[0-2, 11].attention.self.query}. */
final class ModuleNames {

    private static final Pattern NUMBERED = Pattern.compile("(.*?\\.)(\\d+)(\\..*)");

    private ModuleNames() {}

    /** One line for all modules that differ only in their layer number. */
    static List<String> shortened(List<String> paths) {
        Map<String, Set<Integer>> layers = new TreeMap<>();
        List<String> lines = new ArrayList<>();
        for (String path : paths) {
            Matcher numbered = NUMBERED.matcher(path);
            if (numbered.matches()) {
                layers.computeIfAbsent(numbered.group(1) + "%" + numbered.group(3), key -> new TreeSet<>())
                        .add(Integer.parseInt(numbered.group(2)));
            } else {
                lines.add(path);
            }
        }
        List<String> shortened = new ArrayList<>();
        layers.forEach((key, numbers) -> shortened.add(key.replace("%", numbers(numbers))));
        shortened.addAll(lines);
        return shortened;
    }

    private static String numbers(Set<Integer> layers) {
        List<String> ranges = LayerRanges.of(layers);
        return layers.size() == 1 ? ranges.get(0) : "[" + String.join(", ", ranges) + "]";
    }
}
