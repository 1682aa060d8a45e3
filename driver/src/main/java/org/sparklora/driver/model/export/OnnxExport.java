package org.sparklora.driver.model.export;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.sparklora.driver.model.export.OnnxGraph.ElementType;
import org.sparklora.driver.model.export.OnnxGraph.Tensor;
import org.sparklora.driver.model.export.ScriptSource.Method;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectory.Content;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.engine.TorchScriptArchive;
import org.sparklora.worker.safetensors.DType;

/**
 * Writes a merged model for ONNX Runtime and what else reads ONNX: {@code model.onnx}, {@code tokenizer.json}, {@code config.json},
 * by the names that Hugging Face's optimum has.
 *
 * <p>Inputs: {@code input_ids}, {@code attention_mask} and, where the encoder embeds token types, {@code token_type_ids}, all
 * [batch, sequence] int64. Output: {@code logits} [batch, C] float32.
 */
public final class OnnxExport {

    private static final String MODEL = "model.onnx";

    /** Weights that are too many for one protocol buffer, as optimum names them. */
    private static final String DATA = "model.onnx_data";

    /** Two gigabytes less what graphs need. */
    private static final long LARGEST = Integer.MAX_VALUE - (64L << 20);

    private OnnxExport() {}

    /**
     * Writes the directory, which must be new or empty. If a write fails, the directory is left empty.
     *
     * @param dtype of the weights, F32 or F16
     */
    public static void write(RunDirectory directory, MergedWeights model, Outputs outputs, DType dtype)
            throws IOException {
        write(directory, model, outputs, dtype, LARGEST);
    }

    /** @param largest bytes of weights that the model's file may hold */
    static void write(RunDirectory directory, MergedWeights model, Outputs outputs, DType dtype, long largest)
            throws IOException {
        OnnxGraph graph = graph(TorchScriptExport.script(model, outputs, "ONNX"), model, dtype);
        byte[] config = ConfigJson.of(model.directory(), outputs, dtype);
        byte[] tokenizer = TorchScriptExport.tokenizer(model);
        OnnxGraph.Weights values = (name, out) -> model.write(name, dtype, out);
        Map<String, Content> files = new LinkedHashMap<>();
        files.put("tokenizer.json", out -> out.write(tokenizer));
        if (graph.weightBytes() <= largest) {
            files.put(MODEL, out -> graph.write(out, values));
        } else {
            files.put(DATA, out -> graph.writeWeights(out, values));
            files.put(MODEL, out -> graph.write(out, DATA));
        }
        ModelFiles.write(directory, files, config);
    }

    /** The model, without its weights' values. */
    static OnnxGraph graph(EncoderScript encoder, MergedWeights model, DType dtype) {
        OnnxGraph graph = new OnnxGraph(ElementType.of(dtype));
        Map<String, Tensor> weights = new HashMap<>();
        model.shapes()
                .forEach((name, shape) -> weights.put(TorchScriptArchive.attribute(name), graph.weight(name, shape)));
        Map<String, Method> methods = ScriptSource.methods(TorchScriptExport.code(encoder, model));
        List<Object> inputs = new ArrayList<>(List.of(graph.input("input_ids"), graph.input("attention_mask")));
        if (encoder.readsTokenTypes()) {
            inputs.add(graph.input("token_type_ids"));
        }
        Tensor logits = new ScriptToOnnx(methods, graph, weights).run("forward", inputs);
        String output = model.encoder().head().output() + ".weight";
        int classes = Objects.requireNonNull(model.shapes().get(output)).get(0);
        graph.output(
                graph.node("Cast", ElementType.FLOAT, 2, Map.of("to", ElementType.FLOAT.code), logits),
                "logits",
                classes);
        return graph;
    }
}
