package org.sparklora.worker.encoder.bert;

import java.util.List;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.HeadLayers.Activation;
import org.sparklora.worker.encoder.Pooler;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Variable;

/** BERT's pooler: a Linear H to H of the first token, and an activation. */
public record BertPooler(int hiddenSize, String path, Activation activation) implements Pooler {

    @Override
    public List<TensorSpec> weights() {
        return EncoderPart.withBiases(linears(), List.of(), hiddenSize);
    }

    @Override
    public List<TensorSpec> linears() {
        return List.of(new TensorSpec(path, List.of(hiddenSize, hiddenSize)));
    }

    @Override
    public HeadInput reads() {
        return HeadInput.FIRST_TOKEN;
    }

    @Override
    public Variable pool(ForwardPass pass, Variable first, Tokens tokens) {
        return pass.linear(path, first).traced(activation::of);
    }

    /** The inputs of the Linear and of the activation. */
    @Override
    public double keptBytes(int length) {
        return Float.BYTES * 2.0 * hiddenSize;
    }

    @Override
    public String script(String first) {
        return activation.script("torch.linear(" + first + ", " + EncoderScript.weightAndBias(path) + ")");
    }
}
