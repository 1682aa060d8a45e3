package org.sparklora.worker.encoder;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.encoder.bert.BertEncoder;

/** Counted by hand for 2 layers, H = 24, N = 3, an intermediate size of 40, and a row of S = 10. */
class EncoderWorkTest {

    private static final int S = 10;

    private final EncoderWork work = EncoderWork.of(
            BertEncoder.of(EncoderConfig.read(Path.of("src/test/resources/golden/models/tiny-bert-2l-reg"))));

    @Test
    void aLayerBelowTheLastMultipliesItsSixWeightsAndAttends() {
        // 4 of 24 x 24, 24 x 40 and back; Q Kᵀ and P V.
        assertThat(work.forward(1, S)).isEqualTo(2 * (4 * 24 * 24 + 2 * 24 * 40) * S + 2 * (2 * S * S * 24));
    }

    /** Each token has 2 S − 1 distances, one in excess is counted; MPNet looks its scores of distances up. */
    @Test
    void debertaMultipliesQueriesAndKeysWithRelativeEmbeddingsToo() {
        double linears = 2 * (4 * 48 * 48 + 2 * 48 * 64) * S;
        double plain = 2 * (2 * S * S * 48);
        double distances = 2 * (2 * S * 2 * S * 48);
        assertThat(work("deberta-v2").forward(1, S)).isEqualTo(linears + plain + distances);
        assertThat(work("deberta-v2").backward(1, S, false)).isEqualTo(linears + 2 * (plain + distances));
        assertThat(work("mpnet").forward(1, S)).isEqualTo(2 * (4 * 32 * 32 + 2 * 32 * 64) * S + 2 * (2 * S * S * 32));
    }

    private static EncoderWork work(String golden) {
        Path model = Path.of("src/test/resources/golden-encoders", golden, "model");
        return EncoderWork.of(Architectures.of(EncoderConfig.read(model), HeadInput.FIRST_TOKEN));
    }

    @Test
    void theLastLayerMultipliesItsSixWeightsOnceAndAttendsFromEachHead() {
        int one = 4 * 24 * 24 + 2 * 24 * 40;
        assertThat(work.forward(2, S)).isEqualTo(2 * one + 2 * (2 * 3 * S * 24));
        assertThat(work.backward(2, S, false)).isEqualTo(2 * one + 4 * (2 * 3 * S * 24));
        // x, the queries and means by head; Q and two inputs of layer norms; the GELU's input; N rows of probabilities.
        assertThat(work.keptBytes(2, S, Precision.FLOAT32)).isEqualTo(4 * (S * 24 + 2 * 3 * 24 + 3 * 24 + 40 + 3 * S));
    }

    @Test
    void aPairMultipliesWhatItsLinearReads() {
        String last = "bert.encoder.layer.1.";
        assertThat(work.vectors("bert.encoder.layer.0.attention.self.query", S, false))
                .isEqualTo(S);
        assertThat(work.vectors(last + "attention.self.key", S, false)).isEqualTo(3);
        assertThat(work.vectors(last + "attention.self.value", S, true)).isEqualTo(S);
        assertThat(work.vectors(last + "attention.self.query", S, true)).isEqualTo(1);
        assertThat(work.vectors(last + "output.dense", S, false)).isEqualTo(1);
    }

    @Test
    void backwardTakesEachFrozenWeightOnceAndAttentionTwice() {
        assertThat(work.backward(1, S, false)).isEqualTo(2 * (4 * 24 * 24 + 2 * 24 * 40) * S + 4 * (2 * S * S * 24));
    }

    @Test
    void inTheLowestLayerTheGradientEndsAtTheLoraPairs() {
        assertThat(work.backward(1, S, true)).isEqualTo(2 * (24 * 24 + 2 * 24 * 40) * S + 4 * (2 * S * S * 24));
        // Of the last layer only Q's; the input itself is a factor of its scores and means.
        assertThat(work.backward(2, S, true)).isEqualTo(2 * (3 * 24 * 24 + 2 * 24 * 40) + 2 * (2 * 3 * S * 24));
        assertThat(work.backward(3, S, true)).isZero();
    }

    @Test
    void thePoolerSeesOneTokenAndEmbeddingsMultiplyNothing() {
        assertThat(work.headIndex()).isEqualTo(4);
        assertThat(work.forward(3, S)).isEqualTo(2 * 24 * 24);
        assertThat(work.backward(3, S, false)).isEqualTo(2 * 24 * 24);
        assertThat(work.vectors("bert.pooler.dense", S, true)).isEqualTo(1);
        assertThat(work.forward(0, S)).isZero();
        assertThat(work.backward(0, S, false)).isZero();
    }

    @Test
    void autogradKeepsInputsAndWhatAttentionMade() {
        // x, Q, K, V, the context, two inputs of layer norms; the GELU's input; N sums.
        assertThat(work.keptBytes(1, S, Precision.FLOAT32)).isEqualTo(4 * S * (7 * 24 + 40 + 3));
        assertThat(work.keptBytes(3, S, Precision.FLOAT32)).isEqualTo(4 * 2 * 24);
        assertThat(work.keptBytes(0, S, Precision.FLOAT32)).isZero();
    }
}
