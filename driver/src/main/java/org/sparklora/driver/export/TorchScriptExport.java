package org.sparklora.driver.export;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.sparklora.driver.config.Task;
import org.sparklora.driver.report.RunDirectory;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.DType;

/**
 * Writes a merged model as a TorchScript archive with what DJL needs to serve it: {@code model.pt}, {@code
 * tokenizer.json}, {@code serving.properties}, {@code config.json}.
 *
 * <p>{@code forward(input_ids, attention_mask, token_type_ids)}, all [B, S] int64, gives logits [B, C] float32; an encoder
 * without token types takes the first two.
 */
public final class TorchScriptExport {

    private TorchScriptExport() {}

    /** Writes the directory, which must be new or empty; whatever fails, nothing is left that looks like a model. */
    public static void write(RunDirectory directory, MergedModel model, Outputs outputs, Serving serving)
            throws IOException {
        EncoderScript encoder = script(model, outputs);
        String code = code(encoder, model);
        ModelFiles files = new ModelFiles(ConfigJson.of(model.directory(), outputs, DType.F32));
        files.add("tokenizer.json", tokenizer(model));
        files.add("serving.properties", serving.properties(encoder.readsTokenTypes()));
        files.add(
                "model.pt",
                out -> ScriptArchive.write(out, code, model.shapes(), name -> model.bytes(name, DType.F32)));
        files.write(directory);
    }

    private static EncoderScript script(MergedModel model, Outputs outputs) {
        if (outputs.task() == Task.TOKEN_CLASSIFICATION) {
            throw new ModelException("a model that labels each token cannot be exported as TorchScript in this version;"
                    + " merge writes it for transformers");
        }
        return model.encoder().script().orElseThrow(() -> {
            EncoderConfig config = EncoderConfig.read(model.directory());
            return config.problem("model_type '" + config.modelType() + "' cannot be exported as TorchScript in this"
                    + " version; merge writes it for transformers");
        });
    }

    private static byte[] tokenizer(MergedModel model) {
        try {
            return TokenizerSpec.read(model.directory()).jsonThatPads().getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new ModelException("the tokenizer of " + model.directory() + " cannot be used: " + e.getMessage(), e);
        }
    }

    private static String code(EncoderScript encoder, MergedModel model) {
        List<String> attributes =
                model.shapes().keySet().stream().map(EncoderScript::attribute).toList();
        StringBuilder code = new StringBuilder(
                "class " + EncoderScript.MODULE.substring("__torch__.".length()) + "(Module):\n  __parameters__ = [");
        attributes.forEach(name -> code.append('"').append(name).append("\", "));
        code.append("]\n  __buffers__ = []\n  training : bool\n");
        attributes.forEach(name -> code.append("  ").append(name).append(" : Tensor\n"));
        code.append("  def forward(self: " + EncoderScript.MODULE
                + ",\n    input_ids: Tensor,\n    attention_mask: Tensor");
        code.append(encoder.readsTokenTypes() ? ",\n    token_type_ids: Tensor) -> Tensor:\n" : ") -> Tensor:\n");
        code.append(encoder.pooled());
        code.append("    return ").append(head(model.head())).append('\n');
        return code.append(encoder.methods()).toString();
    }

    /** The head of every sequence task: one Linear. */
    private static String head(List<TensorSpec> tensors) {
        if (tensors.size() != 2
                || !tensors.get(0).name().endsWith(".bias")
                || !tensors.get(1).name().endsWith(".weight")) {
            throw new ModelException(
                    "a head of " + tensors.stream().map(TensorSpec::name).toList()
                            + " cannot be exported as TorchScript in this version; merge writes it for transformers");
        }
        return "torch.linear(pooled, " + EncoderScript.weight(tensors.get(1).name()) + ", "
                + EncoderScript.weight(tensors.get(0).name()) + ")";
    }
}
