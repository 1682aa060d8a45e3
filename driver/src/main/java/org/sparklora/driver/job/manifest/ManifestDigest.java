package org.sparklora.driver.job.manifest;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.TreeMap;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.lora.LoraVariant;

/**
 * The digest of what an adapter's numbers mean: variant, groups, modules, ranks, scalings, bias mode and the implicit groups'
 * tensors. States, purposes and training settings may change without changing it.
 */
public final class ManifestDigest {

    private ManifestDigest() {}

    /** SHA-256, hexadecimal; the same on every Java version, since alphas enter by their bits. */
    public static String sha256(LoraManifest manifest) {
        MessageDigest sha = Sha256.digest();
        add(sha, "bias", manifest.bias().peftName());
        new TreeMap<>(LoraVariant.of(manifest).settings()).forEach((key, value) -> add(sha, "variant", key, value));
        for (LoraGroup group : manifest.groups()) {
            add(sha, "group", group.name(), group.settings().rankStabilized());
            for (LoraModule m : group.modules()) {
                String alpha = Double.toHexString(m.loraAlpha());
                add(sha, "module", m.path(), m.loraRank(), alpha, m.inFeatures(), m.outFeatures());
            }
        }
        for (TensorSpec tensor : manifest.head()) {
            add(sha, LoraManifest.HEAD, tensor.name(), tensor.shape());
        }
        for (TensorSpec tensor : manifest.biases()) {
            add(sha, LoraManifest.BIAS, tensor.name(), tensor.shape());
        }
        return Sha256.hex(sha);
    }

    // A zero byte ends each field, so that no two lists of fields run together to the same bytes.
    private static void add(MessageDigest sha, Object... fields) {
        for (Object field : fields) {
            sha.update(field.toString().getBytes(StandardCharsets.UTF_8));
            sha.update((byte) 0);
        }
    }
}
