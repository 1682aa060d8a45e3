package org.sparklora.driver.model.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectory.Content;
import org.sparklora.worker.safetensors.DType;
import org.sparklora.worker.safetensors.SafetensorsWriter;

/** Writes a merged model as transformers saves one: config.json, model.safetensors, and the base's tokenizer files. */
public final class HuggingFaceExport {

    /** Tokenizer files of all families; a base model has some of them. */
    private static final List<String> TOKENIZER = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.txt",
            "vocab.json",
            "merges.txt",
            "spm.model",
            "sentencepiece.bpe.model",
            "spiece.model");

    private HuggingFaceExport() {}

    /**
     * Writes the directory, which must be new or empty. If a write fails, the directory is left empty.
     *
     * @param dtype F32 or F16
     */
    public static void write(RunDirectory directory, MergedWeights model, Outputs outputs, DType dtype)
            throws IOException {
        Map<String, Content> files = new LinkedHashMap<>();
        for (String name : TOKENIZER) {
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
