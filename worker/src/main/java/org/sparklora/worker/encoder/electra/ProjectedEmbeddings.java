package org.sparklora.worker.encoder.electra;

import java.util.List;
import java.util.stream.Stream;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.EncoderNames;
import org.sparklora.worker.encoder.EncoderPart;
import org.sparklora.worker.encoder.EncoderScript;
import org.sparklora.worker.encoder.EncoderSizes;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.encoder.bert.BertEmbeddings;
import org.sparklora.worker.engine.Variable;

/** BERT's embeddings of width E, and a Linear E to H, {@code embeddings_project}, which LoRA can adapt. */
final class ProjectedEmbeddings extends BertEmbeddings {

    private final TensorSpec project;

    ProjectedEmbeddings(EncoderSizes sizes, EncoderNames names, int width) {
        super(sizes, names, width);
        this.project = new TensorSpec(names.prefix() + "embeddings_project", List.of(sizes.hidden(), width));
    }

    @Override
    public List<TensorSpec> weights() {
        return Stream.concat(super.weights().stream(), EncoderPart.withBiases(linears(), List.of(), 0).stream())
                .toList();
    }

    @Override
    public List<TensorSpec> linears() {
        return List.of(project);
    }

    @Override
    protected Variable afterDropout(ForwardPass pass, Variable embedded, Tokens tokens) {
        return pass.linear(project.name(), pass.inPrecisionOf(project.name(), embedded));
    }

    @Override
    public String script() {
        return super.script() + "    x0 = torch.linear(x0, " + EncoderScript.weightAndBias(project.name()) + ")\n";
    }
}
