package org.sparklora.driver.watch.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.manifest.ManifestDigest;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.LoraVariant;

/** Flattens nested values to text by path, such as {@code learning_rate.top}, and compares them. */
final class FieldDifferences {

    private FieldDifferences() {}

    /** Flattens the named children of a JSON object, in the given order. */
    static Map<String, String> flatten(JsonNode object, Iterable<String> names) {
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
            // The text of a number is exact, since the history is written and parsed without loss.
            into.put(path, node.isValueNode() ? node.asText() : node.toString());
        }
    }

    /** Flattens what identifies a manifest: all that its digest covers. */
    private static Map<String, String> flatten(LoraManifest manifest) {
        Map<String, String> fields = new TreeMap<>();
        fields.put("bias", manifest.bias().peftName());
        LoraVariant.of(manifest).settings().forEach((key, value) -> fields.put(key, value.toString()));
        for (LoraGroup group : manifest.groups()) {
            String name = "group '" + group.name() + "'";
            // Sorts before the group's modules, so a group that one run lacks is reported as such.
            fields.put(name, group.modules().size() + " modules");
            fields.put(name + ", use_rslora", String.valueOf(group.settings().rankStabilized()));
            for (LoraModule module : group.modules()) {
                String shape = " [" + module.inFeatures() + ", " + module.outFeatures() + "]";
                String value = "r " + module.loraRank() + ", alpha " + module.loraAlpha() + shape;
                fields.put(name + ", module " + module.path(), value);
            }
        }
        for (String implicit : List.of(LoraManifest.HEAD, LoraManifest.BIAS)) {
            for (TensorSpec tensor : manifest.tensors(implicit)) {
                String name = "group '" + implicit + "', tensor " + tensor.name();
                fields.put(name, tensor.shape().toString());
            }
        }
        return fields;
    }

    /** Every difference between the named children of two JSON objects. */
    static List<String> of(JsonNode a, JsonNode b, List<String> names) {
        return of(flatten(a, names), flatten(b, names));
    }

    /** Every difference as a phrase. */
    static List<String> of(Map<String, String> a, Map<String, String> b) {
        Set<String> names = new LinkedHashSet<>(a.keySet());
        names.addAll(b.keySet());
        List<String> found = new ArrayList<>();
        for (String name : names) {
            @Nullable String inA = a.get(name);
            @Nullable String inB = b.get(name);
            if (inA == null || inB == null) {
                found.add(name + " is only in " + (inA == null ? "B" : "A"));
            } else if (!inA.equals(inB)) {
                found.add(different(name, inA, inB));
            }
        }
        return found;
    }

    /** {@code loss is 0.5 in A and 0.25 in B}. */
    static String different(String name, Object inA, Object inB) {
        return name + " is " + inA + " in A and " + inB + " in B";
    }

    /** The first difference between two manifests in digest or labels; states and purposes do not count. */
    static Optional<String> first(ManifestFile a, ManifestFile b) {
        String inA = ManifestDigest.sha256(a.manifest());
        String inB = ManifestDigest.sha256(b.manifest());
        if (!inA.equals(inB)) {
            List<String> found = of(flatten(a.manifest()), flatten(b.manifest()));
            return Optional.of(found.isEmpty() ? different("sha256", inA, inB) : found.get(0));
        }
        // Early versions wrote no labels.
        boolean recorded = !a.labels().isEmpty() && !b.labels().isEmpty();
        return recorded && !a.labels().equals(b.labels())
                ? Optional.of(different("labels", a.labels(), b.labels()))
                : Optional.empty();
    }
}
