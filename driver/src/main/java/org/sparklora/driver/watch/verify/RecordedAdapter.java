package org.sparklora.driver.watch.verify;

import java.util.SortedMap;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.Tensor;
import org.sparklora.worker.safetensors.WeightsException;

/** The adapter that a run left: its digest, and its tensors by the names that PEFT gives them. */
public record RecordedAdapter(String sha256, SortedMap<String, Tensor> tensors) {

    /** Its name in the run directory. */
    public static final String FILE = "adapter/adapter_model.safetensors";

    /**
     * Reads the file, and holds it against the digest that the run noted when it wrote it.
     *
     * @param stated from status.json; null where it has none
     */
    public static RecordedAdapter of(String file, byte[] bytes, @Nullable String stated) {
        String actual = Sha256.hex(bytes);
        if (stated != null && !stated.equals(actual)) {
            throw new CorruptRunException(
                    file,
                    "was changed after the run wrote it: it has sha256 " + actual + ", and status.json states "
                            + stated);
        }
        try {
            return new RecordedAdapter(actual, SafetensorsFile.decode(file, bytes));
        } catch (WeightsException e) {
            throw new CorruptRunException(e.reason(), e);
        }
    }
}
