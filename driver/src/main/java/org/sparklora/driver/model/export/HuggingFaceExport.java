package org.sparklora.driver.model.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectory.Content;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsWriter;

/** Writes a merged model as transformers saves one: config.json, model.safetensors, and the base's tokenizer files. */
public final class HuggingFaceExport {

    private HuggingFaceExport() {}

    /**
     * Writes the directory, which must be new or empty. If a write fails, the directory is left empty.
     *
     * @param dtype F32 or F16
     */
    public static void write(RunDirectory directory, MergedWeights model, Outputs outputs, DType dtype)
            throws IOException {
        Map<String, Content> files = new LinkedHashMap<>();
        for (String name : TokenizerSpec.FILES) {
            Path file = model.directory().resolve(name);
            if (Files.isRegularFile(file)) {
                files.put(name, out -> Files.copy(file, out));
            }
        }
        files.put(
                "model.safetensors",
                out -> SafetensorsWriter.write(out, model.shapes(), dtype, (name, to) -> model.write(name, dtype, to)));
        ModelFiles.write(directory, files, ConfigJson.of(model.directory(), outputs, dtype));
    }
}
