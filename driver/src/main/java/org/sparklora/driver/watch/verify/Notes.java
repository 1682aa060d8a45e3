package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** What may explain a difference and is none by itself: equal results from unequal jobs are equal results. */
final class Notes {

    private static final int MOST_KEYS = 5;

    /** Where a run goes and how it is called has no influence; the seed has a note of its own. */
    private static final List<String> NOT_COMPARED = List.of("output", "name", "seed");

    private Notes() {}

    static List<String> of(RecordedRun a, RecordedRun b) {
        List<String> notes = new ArrayList<>();
        Optional<JsonNode> inA = last(a.history().runs());
        Optional<JsonNode> inB = last(b.history().runs());
        if (inA.isPresent() && inB.isPresent()) {
            String[] names = {"seeds", "choices", "versions", "cpu"};
            notes.addAll(Fields.differences(Fields.of(inA.get(), names), Fields.of(inB.get(), names)));
        }
        List<String> keys = Fields.differences(keys(a.configuration()), keys(b.configuration()));
        keys.stream().limit(MOST_KEYS).forEach(notes::add);
        if (keys.size() > MOST_KEYS) {
            notes.add((keys.size() - MOST_KEYS) + " other keys of config.yaml differ");
        }
        return notes;
    }

    /** A resumed run has several such events; the last is of the settings that config.yaml shows. */
    static Optional<JsonNode> last(List<JsonNode> runs) {
        return runs.isEmpty() ? Optional.empty() : Optional.of(runs.get(runs.size() - 1));
    }

    private static Map<String, String> keys(String yaml) {
        Map<String, String> keys = new LinkedHashMap<>();
        try {
            Object job = new Yaml(new SafeConstructor(new LoaderOptions())).load(yaml);
            if (job instanceof Map<?, ?> map) {
                JsonNode root = new ObjectMapper().valueToTree(map);
                root.fieldNames().forEachRemaining(name -> {
                    if (!NOT_COMPARED.contains(name)) {
                        keys.putAll(Fields.of(root, name));
                    }
                });
            }
        } catch (YAMLException | IllegalArgumentException e) {
            // Somebody edited it; the note is worth less than the comparison.
            keys.put("config.yaml", "not readable");
        }
        return keys;
    }
}
