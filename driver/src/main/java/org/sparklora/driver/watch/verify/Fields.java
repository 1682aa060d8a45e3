package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Flat views of nested values, {@code grad_norm} or {@code learning_rate.top} to text, and how two of them differ. */
final class Fields {

    private Fields() {}

    /** Named children of a JSON object, flattened, in the given order. */
    static Map<String, String> of(JsonNode object, String... names) {
        Map<String, String> flat = new LinkedHashMap<>();
        for (String name : names) {
            if (object.has(name)) {
                flatten(name, object.get(name), flat);
            }
        }
        return flat;
    }

    private static void flatten(String path, JsonNode node, Map<String, String> into) {
        if (node.isObject()) {
            node.fields().forEachRemaining(e -> flatten(path + "." + e.getKey(), e.getValue(), into));
        } else {
            // A number's text is as exact as the number: the history is written and parsed without loss.
            into.put(path, node.isValueNode() ? node.asText() : node.toString());
        }
    }

    /** Every difference, a phrase each. */
    static List<String> differences(Map<String, String> a, Map<String, String> b) {
        Set<String> names = new LinkedHashSet<>(a.keySet());
        names.addAll(b.keySet());
        List<String> found = new ArrayList<>();
        for (String name : names) {
            @Nullable String inA = a.get(name);
            @Nullable String inB = b.get(name);
            if (inA == null || inB == null) {
                found.add(name + " is only in " + (inA == null ? "B" : "A"));
            } else if (!Objects.equals(inA, inB)) {
                found.add(name + " is " + inA + " in A and " + inB + " in B");
            }
        }
        return found;
    }
}
