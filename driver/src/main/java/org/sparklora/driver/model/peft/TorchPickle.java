package org.sparklora.driver.model.peft;

import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.worker.pickle.TorchFile;
import org.sparklora.worker.pickle.TorchFile.Content;
import org.sparklora.worker.pickle.TorchFileException;
import org.sparklora.worker.safetensors.Tensor;

/** Reads an adapter that {@code torch.save} wrote, all of it, as data and never as code: see {@link TorchFile}. */
public final class TorchPickle {

    private TorchPickle() {}

    /** The tensors by name, widened to float32 (float64 is rounded to nearest). */
    public static SortedMap<String, Tensor> read(Path path) {
        try (TorchFile file = TorchFile.open(path, Content.ADAPTER)) {
            SortedMap<String, Tensor> tensors = new TreeMap<>();
            for (String name : file.names()) {
                tensors.put(name, new Tensor(file.shape(name), file.floats(name)));
            }
            return tensors;
        } catch (TorchFileException e) {
            throw new PeftException(String.valueOf(e.getMessage()), e);
        }
    }
}
