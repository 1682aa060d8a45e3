package org.sparklora.driver.watch.verify;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.model.peft.PeftException;
import org.sparklora.driver.model.peft.PeftKeys;
import org.sparklora.driver.watch.verify.RecordedRun.Results;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.safetensors.Tensor;

/** The difference between two adapters: digests, the first tensor by name, and by how much it differs. */
final class AdapterDifference {

    private AdapterDifference() {}

    /** One line; empty if the digests are equal. */
    static Optional<String> of(Results a, Results b) {
        if (a.adapter().sha256().equals(b.adapter().sha256())) {
            return Optional.empty();
        }
        SortedMap<String, Tensor> inA = a.adapter().tensors();
        SortedMap<String, Tensor> inB = b.adapter().tensors();
        SortedSet<String> names = new TreeSet<>(inA.keySet());
        names.addAll(inB.keySet());
        List<String> found = new ArrayList<>();
        for (String name : names) {
            String group = " (group " + group(name, inA.containsKey(name) ? a : b) + ") ";
            difference(inA.get(name), inB.get(name)).ifPresent(how -> found.add(name + group + how));
        }
        String digests = FieldDifferences.different(
                "sha256", a.adapter().sha256(), b.adapter().sha256());
        String tensors = found.isEmpty()
                ? "all tensors are equal, only the header of the file differs"
                : found.get(0) + ", the first of " + found.size() + " different tensors out of " + names.size();
        return Optional.of("adapter: " + tensors + "; " + digests);
    }

    private static Optional<String> difference(@Nullable Tensor a, @Nullable Tensor b) {
        if (a == null || b == null) {
            return Optional.of("is only in " + (a == null ? "B" : "A"));
        }
        if (!a.shape().equals(b.shape())) {
            return Optional.of("has shape " + a.shape() + " in A and " + b.shape() + " in B");
        }
        return a.equals(b) ? Optional.empty() : Optional.of("differs by at most " + max(a.view(), b.view()));
    }

    /** The largest absolute difference; NaN if a value is NaN. */
    private static double max(FloatBuffer a, FloatBuffer b) {
        double max = 0;
        while (a.hasRemaining()) {
            float x = a.get();
            float y = b.get();
            // The difference of equal infinities would be NaN.
            max = Math.max(max, x == y ? 0 : Math.abs((double) x - y));
        }
        return max;
    }

    private static String group(String key, Results results) {
        LoraManifest manifest = results.manifest().manifest();
        try {
            Optional<String> tensor = PeftKeys.canonical(RecordedAdapter.FILE, key);
            return tensor.flatMap(name -> group(manifest, name)).orElse("unknown");
        } catch (PeftException e) {
            // Not a name that this program writes.
            return "unknown";
        }
    }

    private static Optional<String> group(LoraManifest manifest, String tensor) {
        return manifest.names().stream()
                .filter(group -> manifest.tensors(group).stream()
                        .anyMatch(spec -> spec.name().equals(tensor)))
                .findFirst();
    }
}
