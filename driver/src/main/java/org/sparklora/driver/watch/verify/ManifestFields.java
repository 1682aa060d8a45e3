package org.sparklora.driver.watch.verify;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.sparklora.driver.job.manifest.ManifestDigest;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;

/** What a manifest's digest is made of, and the labels, as text, to say which part of two manifests differs. */
final class ManifestFields {

    private ManifestFields() {}

    /** Empty for manifests of the same digest and labels; states and purposes do not count. */
    static Optional<String> firstDifference(ManifestFile a, ManifestFile b) {
        String inA = ManifestDigest.sha256(a.manifest());
        String inB = ManifestDigest.sha256(b.manifest());
        if (inA.equals(inB)) {
            // Earlier builds wrote no labels.
            boolean same = a.labels().equals(b.labels())
                    || a.labels().isEmpty()
                    || b.labels().isEmpty();
            return same
                    ? Optional.empty()
                    : Optional.of("labels are " + a.labels() + " in A and " + b.labels() + " in B");
        }
        List<String> found = Fields.differences(of(a.manifest()), of(b.manifest()));
        return Optional.of(found.isEmpty() ? "sha256 is " + inA + " in A and " + inB + " in B" : found.get(0));
    }

    private static Map<String, String> of(LoraManifest manifest) {
        Map<String, String> fields = new TreeMap<>();
        fields.put("bias", manifest.bias().peftName());
        for (LoraGroup group : manifest.groups()) {
            String name = "group '" + group.name() + "'";
            // Sorts before the group's modules, so that a group of one run only is named as such.
            fields.put(name, group.modules().size() + " modules");
            fields.put(name + ", use_rslora", String.valueOf(group.settings().rankStabilized()));
            for (LoraModule module : group.modules()) {
                fields.put(
                        name + ", module " + module.path(),
                        "r " + module.loraRank() + ", alpha " + module.loraAlpha() + " [" + module.inFeatures() + ", "
                                + module.outFeatures() + "]");
            }
        }
        for (String implicit : List.of(LoraManifest.HEAD, LoraManifest.BIAS)) {
            for (TensorSpec tensor : manifest.tensors(implicit)) {
                fields.put(
                        "group '" + implicit + "', tensor " + tensor.name(),
                        tensor.shape().toString());
            }
        }
        return fields;
    }
}
