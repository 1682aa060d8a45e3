package org.sparklora.driver.job.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.sparklora.driver.job.text.Problems;

/** Lays {@code --set a.b=c} over the tree of a job file; c is YAML, and missing maps on the way are made. */
final class Overrides {

    private Overrides() {}

    static void apply(Map<String, Object> root, List<String> overrides, Problems problems) {
        for (String override : overrides) {
            apply(root, override, problems);
        }
    }

    private static void apply(Map<String, Object> root, String override, Problems problems) {
        int equals = override.indexOf('=');
        List<String> keys =
                List.of(override.substring(0, Math.max(0, equals)).strip().split("\\.", -1));
        if (equals < 0 || keys.contains("")) {
            problems.add(
                    "config.set.syntax",
                    "--set " + override + ": write key=value, for example --set training.batch_size=64");
            return;
        }
        Problems ofValue = new Problems();
        Optional<Object> value = YamlTree.parse(override.substring(equals + 1), ofValue);
        problems.addAll("--set " + override + ": ", ofValue);
        if (!ofValue.isEmpty()) {
            return;
        }
        Map<String, Object> map = root;
        for (int i = 0; i < keys.size() - 1; i++) {
            Object next = map.get(keys.get(i));
            if (next == null || (next instanceof YamlScalar scalar && scalar.isNull())) {
                next = new LinkedHashMap<String, Object>();
                map.put(keys.get(i), next);
            }
            if (!(next instanceof Map<?, ?> child)) {
                problems.add(
                        "config.set.syntax",
                        "--set " + override + ": " + String.join(".", keys.subList(0, i + 1)) + "="
                                + YamlSection.shown(next) + " has no keys to set");
                return;
            }
            map = YamlSection.asMap(child);
        }
        map.put(keys.get(keys.size() - 1), value.orElse(new YamlScalar("", true)));
    }
}
