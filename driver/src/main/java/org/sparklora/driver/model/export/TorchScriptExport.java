package org.sparklora.driver.model.export;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectory.Content;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.encoder.HeadLayers.Inner;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.engine.TorchScriptArchive;
import org.sparklora.worker.safetensors.DType;

/**
 * Writes a merged model as a TorchScript archive, with the files that DJL needs to serve it: {@code model.pt}, {@code
 * tokenizer.json}, {@code serving.properties}, {@code config.json}.
 *
 * <p>{@code forward(input_ids, attention_mask, token_type_ids)}, all [B, S] int64, gives logits [B, C] float32. An encoder
 * without token types takes only the first two.
 */
public final class TorchScriptExport {

    private TorchScriptExport() {}

    /** Writes the directory, which must be new or empty. If a write fails, the directory is left empty. */
    public static void write(RunDirectory directory, MergedWeights model, Outputs outputs, Serving serving)
            throws IOException {
        EncoderScript encoder = script(model, outputs, "TorchScript");
        byte[] config = ConfigJson.of(model.directory(), outputs, DType.F32);
        byte[] tokenizer = tokenizer(model);
        Map<String, Content> files = new LinkedHashMap<>();
        files.put("tokenizer.json", out -> out.write(tokenizer));
        files.put("serving.properties", out -> out.write(serving.properties(encoder.readsTokenTypes())));
        files.put("model.pt", out -> archive(encoder, model, out));
        ModelFiles.write(directory, files, config);
    }

    /** Writes the archive alone. */
    static void archive(EncoderScript encoder, MergedWeights model, OutputStream out) throws IOException {
        TorchScriptArchive.write(
                out,
                EncoderScript.CLASS,
                code(encoder, model),
                model.shapes(),
                (name, to) -> model.write(name, DType.F32, to));
    }

    /** @param format for the message if there is none */
    static EncoderScript script(MergedWeights model, Outputs outputs, String format) {
        if (outputs.task() == Task.TOKEN_CLASSIFICATION) {
            throw new ModelException(
                    "model.unsupported",
                    "a model that labels each token cannot be exported as " + format
                            + " in this version; merge writes it for transformers");
        }
        return model.encoder().script().orElseThrow(() -> {
            EncoderConfig config = EncoderConfig.read(model.directory());
            return config.unsupported("model_type '" + config.modelType() + "' cannot be exported as " + format
                    + " in this version; merge writes it for transformers");
        });
    }

    /** tokenizer.json with padding. */
    static byte[] tokenizer(MergedWeights model) {
        try {
            return TokenizerSpec.read(model.directory()).jsonThatPads().getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new ModelException(
                    "tokenizer.unusable",
                    "the tokenizer of " + model.directory() + " cannot be used: " + e.getMessage(),
                    e);
        }
    }

    /** The source of the module's class. */
    static String code(EncoderScript encoder, MergedWeights model) {
        List<String> attributes = model.shapes().keySet().stream()
                .map(TorchScriptArchive::attribute)
                .toList();
        StringBuilder code = new StringBuilder("class " + EncoderScript.CLASS + "(Module):\n  __parameters__ = [");
        attributes.forEach(name -> code.append('"').append(name).append("\", "));
        code.append("]\n  __buffers__ = []\n  training : bool\n");
        attributes.forEach(name -> code.append("  ").append(name).append(" : Tensor\n"));
        code.append("  def forward(self: " + EncoderScript.MODULE
                + ",\n    input_ids: Tensor,\n    attention_mask: Tensor");
        code.append(encoder.readsTokenTypes() ? ",\n    token_type_ids: Tensor) -> Tensor:\n" : ") -> Tensor:\n");
        code.append(encoder.pooled());
        code.append("    return ").append(head(model.encoder().head())).append('\n');
        return code.append(encoder.methods()).toString();
    }

    /** The head of whole sequences on {@code pooled}. */
    private static String head(HeadLayers head) {
        String read = "pooled";
        if (head.inner().isPresent()) {
            Inner inner = head.inner().get();
            read = inner.activation().script(linear(inner.path(), read));
        }
        return linear(head.output(), read);
    }

    private static String linear(String path, String read) {
        return "torch.linear(" + read + ", " + EncoderScript.weightAndBias(path) + ")";
    }
}
