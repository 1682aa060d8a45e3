package org.sparklora.worker.encoder;

import ai.djl.ndarray.NDArray;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.engine.Ops;
import org.sparklora.worker.engine.Variable;

/**
 * The layers between an encoder and the outputs of a task, as in Hugging Face's architecture: for some architectures a
 * Linear H to H with an activation, then dropout and a Linear to the outputs. The task gives the number of outputs.
 *
 * @param hiddenSize H
 * @param inner the Linear H to H, if the architecture has one
 * @param output path of the Linear to the outputs
 */
public record HeadLayers(int hiddenSize, Optional<Inner> inner, String output) {

    /** Activation after the inner Linear. */
    public enum Activation {
        TANH,
        RELU,
        /** With the error function, whatever the layers use. */
        GELU;

        /** The activation of an array, element by element. */
        public NDArray of(NDArray x) {
            return switch (this) {
                case TANH -> x.tanh();
                case RELU -> Ops.relu(x);
                case GELU -> Ops.gelu(x);
            };
        }

        /** TorchScript: the activation of an expression. */
        public String script(String x) {
            return switch (this) {
                case TANH -> "torch.tanh(" + x + ")";
                case RELU -> "torch.relu(" + x + ")";
                case GELU -> "torch.gelu(" + x + ", approximate=\"none\")";
            };
        }
    }

    /**
     * The Linear H to H.
     *
     * @param module name of the module, for PEFT's modules_to_save
     * @param path of the Linear
     * @param dropsInput whether its input drops out too
     */
    public record Inner(String module, String path, Activation activation, boolean dropsInput) {}

    /** One Linear named {@code classifier}: the head of BERT, and of token classification in every architecture. */
    public static HeadLayers classifier(int hiddenSize) {
        return new HeadLayers(hiddenSize, Optional.empty(), "classifier");
    }

    /** RoBERTa's head: {@code classifier.dense}, an activation, and {@code classifier.out_proj}. Inputs of both drop out. */
    public static HeadLayers ofRoberta(int hiddenSize, Activation activation) {
        Inner dense = new Inner("classifier", "classifier.dense", activation, true);
        return new HeadLayers(hiddenSize, Optional.of(dense), "classifier.out_proj");
    }

    /** The tensors of a head with this many outputs, ordered by name. All of them train. */
    public List<TensorSpec> tensors(int outputs) {
        List<TensorSpec> tensors = new ArrayList<>(linear(output, outputs));
        inner.ifPresent(first -> tensors.addAll(linear(first.path(), hiddenSize)));
        return tensors.stream().sorted().toList();
    }

    private List<TensorSpec> linear(String path, int out) {
        return List.of(
                new TensorSpec(path + ".bias", List.of(out)),
                new TensorSpec(path + ".weight", List.of(out, hiddenSize)));
    }

    /** Names of the head's modules, for PEFT's modules_to_save. */
    public List<String> modules() {
        return Stream.concat(inner.map(Inner::module).stream(), Stream.of(output.replaceFirst("\\..*", "")))
                .distinct()
                .sorted()
                .toList();
    }

    /** x [M, H] to logits [M, C]. */
    public Variable logits(ForwardPass pass, Variable x) {
        List<Variable> parameters =
                tensors(1).stream().map(tensor -> pass.weight(tensor.name())).toList();
        return Variable.traced(of -> logits(pass, of.get(0)), parameters, x);
    }

    private NDArray logits(ForwardPass pass, NDArray x) {
        NDArray read = x;
        if (inner.isPresent()) {
            Inner first = inner.get();
            NDArray entered = first.dropsInput() ? pass.dropHead(x, first.path() + ".dropout") : x;
            read = first.activation().of(linear(pass, first.path(), entered));
        }
        return linear(pass, output, pass.dropHead(read, output + ".dropout"));
    }

    private static NDArray linear(ForwardPass pass, String path, NDArray x) {
        return Ops.linear(
                x,
                pass.weight(path + ".weight").array(),
                pass.weight(path + ".bias").array());
    }
}
