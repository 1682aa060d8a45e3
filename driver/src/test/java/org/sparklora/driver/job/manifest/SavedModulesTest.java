package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.worker.contract.TensorSpec;

class SavedModulesTest {

    /** BERT's pooler is a part of its encoder; DeBERTa's pooler and ModernBERT's head stand beside theirs. */
    @ParameterizedTest
    @CsvSource({
        "pooler, bert.pooler.dense.weight, bert.encoder.layer.0.attention.self.query.weight",
        "pooler, pooler.dense.bias, deberta.encoder.layer.0.output.dense.bias",
        "head, head.norm.weight, model.layers.0.attn.Wqkv.weight",
        "word_embeddings, bert.embeddings.word_embeddings.weight, bert.embeddings.LayerNorm.weight",
    })
    void aModuleHoldsTheTensorsBelowItsName(String module, String below, String beside) {
        List<TensorSpec> weights = Stream.of(below, beside)
                .map(name -> new TensorSpec(name, List.of(2)))
                .toList();
        assertThat(SavedModules.tensors(List.of(module), weights)).containsExactly(weights.get(0));
    }
}
