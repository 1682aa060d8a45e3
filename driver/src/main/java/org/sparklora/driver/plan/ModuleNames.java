package org.sparklora.driver.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Module names for people: {@code bert.encoder.layer.[0-2, 11].attention.self.query}. */
final class ModuleNames {

    private static final Pattern NUMBERED = Pattern.compile("(.*?\\.)(\\d+)(\\..*)");

    private ModuleNames() {}

    /** One line for all modules that differ in the number of their layer only. */
    static List<String> shortened(List<String> paths) {
        Map<String, TreeSet<Integer>> layers = new TreeMap<>();
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

    private static String numbers(SortedSet<Integer> numbers) {
        if (numbers.size() == 1) {
            return numbers.first().toString();
        }
        List<String> runs = new ArrayList<>();
        for (int first : numbers) {
            if (!numbers.contains(first - 1)) {
                int last = first;
                while (numbers.contains(last + 1)) {
                    last++;
                }
                runs.add(first == last ? "" + first : first + "-" + last);
            }
        }
        return "[" + String.join(", ", runs) + "]";
    }
}
