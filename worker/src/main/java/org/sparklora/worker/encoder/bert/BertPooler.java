package org.sparklora.worker.encoder.bert;

import ai.djl.ndarray.NDArray;
import java.util.List;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.encoder.Pooler;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Variable;

/** BERT's pooler: a Linear H to H of the first token, and tanh. */
record BertPooler(int hiddenSize, String path) implements Pooler {

    @Override
    public List<TensorSpec> weights() {
        return EncoderPart.withBiases(linears(), List.of(), hiddenSize);
    }

    @Override
    public List<TensorSpec> linears() {
        return List.of(new TensorSpec(path, List.of(hiddenSize, hiddenSize)));
    }

    @Override
    public List<String> norms() {
        return List.of();
    }

    @Override
    public HeadInput reads() {
        return HeadInput.FIRST_TOKEN;
    }

    @Override
    public Variable pool(ForwardPass pass, Variable first, Tokens tokens) {
        return pass.linear(path, first).traced(NDArray::tanh);
    }

    /** The inputs of the Linear and of tanh. */
    @Override
    public double keptBytes(int length) {
        return Float.BYTES * 2.0 * hiddenSize;
    }

    @Override
    public String script(String first) {
        return "torch.tanh(torch.linear(" + first + ", " + EncoderScript.weightAndBias(path) + "))";
    }
}
