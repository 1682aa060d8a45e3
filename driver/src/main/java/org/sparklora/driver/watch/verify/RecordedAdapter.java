package org.sparklora.driver.watch.verify;

import java.util.SortedMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.WeightsException;

/** The adapter of a run: its digest, and its tensors by PEFT's names. */
public record RecordedAdapter(String sha256, SortedMap<String, Tensor> tensors) {

    /** File name in the run directory. */
    public static final String FILE = "adapter/adapter_model.safetensors";

    /**
     * Reads the file and checks its digest.
     *
     * @param expected digest from status.json; null if it has none
     */
    public static RecordedAdapter of(String file, byte[] bytes, @Nullable String expected) {
        String actual = Sha256.hex(bytes);
        if (expected != null && !expected.equals(actual)) {
            throw new CorruptRunException(
                    "run.adapter-changed",
                    file + " was changed after the run: its sha256 is " + actual + ", status.json has " + expected,
                    null);
        }
        try {
            return new RecordedAdapter(actual, SafetensorsFile.decode(file, bytes));
        } catch (WeightsException e) {
            throw CorruptRunException.damaged(e.reason(), e);
        }
    }
}
