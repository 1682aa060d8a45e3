package org.sparklora.driver.model.keyed;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.model.peft.PeftAdapterWriter;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;

/**
 * The adapter of one key, in the form in which a run's result is saved.
 *
 * @param manifest groups with their states at the end, base model and the key's own labels; without digests of groups
 * @param values of every tensor whose group is not dormant; others are dropped
 */
public record KeyedAdapter(ManifestFile manifest, AdapterSnapshot values) {

    /** @throws IllegalArgumentException if a tensor is missing or of another size */
    public KeyedAdapter {
        SortedMap<String, TensorSpec> tensors = tensors(manifest);
        values = values.only(tensors.keySet()::contains);
        for (TensorSpec tensor : tensors.values()) {
            if (values.view(tensor.name()).length != tensor.size()) {
                throw new IllegalArgumentException("'" + tensor.name() + "' has " + values.view(tensor.name()).length
                        + " values, but its shape " + tensor.shape() + " needs " + tensor.size());
            }
        }
    }

    /** The tensors of all groups that are not dormant, head and biases included, by name. */
    static SortedMap<String, TensorSpec> tensors(ManifestFile manifest) {
        SortedMap<String, TensorSpec> tensors = new TreeMap<>();
        for (String group : manifest.active()) {
            manifest.manifest().tensors(group).forEach(tensor -> tensors.put(tensor.name(), tensor));
        }
        return tensors;
    }

    /** Label texts in the order of the head's outputs; empty for regression. */
    public List<String> labels() {
        return manifest.labels();
    }

    /** SHA-256 of the {@code adapter_model.safetensors} that PEFT gets of it. */
    public String sha256() {
        return Sha256.hex(PeftAdapterWriter.weights(manifest.manifest(), manifest.active(), values));
    }
}
