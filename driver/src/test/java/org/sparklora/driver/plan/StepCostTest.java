package org.sparklora.driver.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.data.TextStatistics;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.bert.BertEncoder;

/** Counted by hand for 2 layers, H = 24, N = 3, an intermediate size of 40. */
class StepCostTest {

    private static final Encoder TWO_LAYERS = BertEncoder.of(EncoderConfig.read(Path.of(
            System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-2l-reg")));

    private static final int S = 10;
    private static final double LAYER = 2 * (4 * 24 * 24 + 2 * 24 * 40) * S;
    private static final double ATTENTION = 4 * S * S * 24;
    private static final double POOLER = 2 * 24 * 24;
    private static final double FORWARD = 2 * (LAYER + ATTENTION) + POOLER;
    private static final double LAYER_BACKWARD = LAYER + 2 * ATTENTION;
    private static final double TOP = 2 * 4 * (24 + 24) * S;
    private static final double BOTTOM = 2 * 2 * (24 + 24) * S;
    private static final double ALL = FORWARD + 2 * LAYER_BACKWARD + POOLER + 3 * TOP + 3 * BOTTOM;

    private static final LoraManifest MANIFEST = new LoraManifest(
            List.of(group("top", 1, 4, 0.0), group("bottom", 0, 2, 0.1)),
            BiasMode.NONE,
            List.of(new TensorSpec("classifier.weight", List.of(1, 24)), new TensorSpec("classifier.bias", List.of(1))),
            List.of());

    private final StepCost cost = new StepCost(MANIFEST, TWO_LAYERS, new TextStatistics(5, 0, Map.of(S, 5L)));

    private static LoraGroup group(String name, int layer, int r, double dropout) {
        LoraModule module = new LoraModule("bert.encoder.layer." + layer + ".attention.self.query", r, 8, 24, 24);
        return new LoraGroup(name, "", List.of(module), new GroupSettings(dropout, false, 1.0, 0));
    }

    private static FreezeState state(GroupState top, GroupState bottom) {
        return FreezeState.of(Map.of("top", top, "bottom", bottom));
    }

    private static final FreezeState BOTH = state(GroupState.LIVE, GroupState.LIVE);
    private static final FreezeState TOP_ONLY = state(GroupState.LIVE, GroupState.DORMANT);
    private static final FreezeState TOP_FROZEN = state(GroupState.FROZEN, GroupState.LIVE);
    private static final FreezeState BOTTOM_FROZEN = state(GroupState.LIVE, GroupState.FROZEN);
    private static final FreezeState HEAD_ONLY = state(GroupState.DORMANT, GroupState.DORMANT);

    @Test
    void backwardEndsAtTheLowestLiveLayer() {
        assertThat(cost.relative(BOTH)).isEqualTo(1);
        assertRelative(TOP_ONLY, FORWARD + LAYER_BACKWARD + POOLER + 3 * TOP);
        assertRelative(HEAD_ONLY, FORWARD);
    }

    @Test
    void aFrozenPairIsComputedAndPassesGradientsWhereBackwardComesBy() {
        assertRelative(TOP_FROZEN, FORWARD + 2 * LAYER_BACKWARD + POOLER + 2 * TOP + 3 * BOTTOM);
        assertRelative(BOTTOM_FROZEN, FORWARD + LAYER_BACKWARD + POOLER + 3 * TOP + BOTTOM);
    }

    private void assertRelative(FreezeState state, double operations) {
        assertThat(cost.relative(state)).isCloseTo(operations / ALL, Offset.offset(1e-12));
    }

    @Test
    void rowsOfSeveralLengthsAreAveraged() {
        // Attention grows with the square, so a mean length would not do.
        StepCost mixed = new StepCost(MANIFEST, TWO_LAYERS, new TextStatistics(2, 0, Map.of(S, 1L, 3 * S, 1L)));
        double forward = (FORWARD + 3 * 2 * LAYER + 9 * 2 * ATTENTION + POOLER) / 2;
        double backward = (LAYER_BACKWARD + POOLER + 3 * LAYER + 9 * 2 * ATTENTION + POOLER) / 2;
        double layer0 = (LAYER_BACKWARD + 3 * LAYER + 9 * 2 * ATTENTION) / 2;
        double all = forward + backward + layer0 + 2 * 3 * (TOP + BOTTOM);
        assertThat(mixed.relative(TOP_ONLY)).isCloseTo((forward + backward + 2 * 3 * TOP) / all, Offset.offset(1e-12));
        assertThat(mixed.prefixBytes(TOP_ONLY, 100)).isEqualTo(100 * 2 * S * 24 * 4);
    }

    @Test
    void whatTrainsIsSent() {
        assertThat(cost.trainableParameters(BOTH)).isEqualTo(2 * 4 * 24 + 2 * 2 * 24 + 25);
        assertThat(cost.allReduceBytes(TOP_ONLY)).isEqualTo(4 * (2 * 4 * 24 + 25));
        // Values, gradient and two moments; of the frozen group its values.
        assertThat(cost.stateBytes(BOTTOM_FROZEN)).isEqualTo(4 * (4 * (2 * 4 * 24 + 25) + 2 * 2 * 24));
    }

    @Test
    void aCacheHoldsWhatEntersTheLowestLiveStage() {
        assertThat(cost.lowestLive(TOP_ONLY)).isEqualTo("layer 1");
        assertThat(cost.prefixBytes(TOP_ONLY, 100)).isEqualTo(100 * S * 24 * 4);
        assertThat(cost.lowestLive(BOTH)).isEqualTo("layer 0");
        assertThat(cost.lowestLive(HEAD_ONLY)).isEqualTo("head");
        assertThat(cost.prefixBytes(HEAD_ONLY, 100)).isEqualTo(100 * 24 * 4);
    }

    @Test
    void biasesOfTheEmbeddingsLeaveNothingToCache() {
        LoraManifest biases = new LoraManifest(
                MANIFEST.groups(),
                BiasMode.ALL,
                MANIFEST.head(),
                List.of(new TensorSpec("bert.embeddings.LayerNorm.bias", List.of(24))));
        StepCost all = new StepCost(biases, TWO_LAYERS, new TextStatistics(5, 0, Map.of(S, 5L)));
        assertThat(all.lowestLive(TOP_ONLY)).isEqualTo("embeddings");
        assertThat(all.prefixBytes(TOP_ONLY, 100)).isZero();
    }

    @Test
    void autogradKeepsTheLayersThatBackwardPasses() {
        long layer = S * (6L * 24 + 40 + 3 * S);
        long pooler = 2 * 24;
        assertThat(cost.keptBytes(TOP_ONLY, 2)).isEqualTo(2 * 4 * (layer + pooler + S * 4));
        // The lower group drops out: mask and product of the input are kept.
        assertThat(cost.keptBytes(BOTH, 2)).isEqualTo(2 * 4 * (2 * layer + pooler + S * 4 + S * (2 * 24 + 2)));
        assertThat(cost.keptBytes(HEAD_ONLY, 2)).isZero();
    }
}
