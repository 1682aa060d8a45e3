package org.sparklora.driver.job.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.TextStatistics;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.bert.BertEncoder;
import org.sparklora.worker.lora.Dora;
import org.sparklora.worker.lora.PlainLora;

/** Counted by hand for 2 layers, H = 24, N = 3, an intermediate size of 40. */
class StepCostTest {

    static final Encoder TWO_LAYERS = BertEncoder.of(EncoderConfig.read(Path.of(
            System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-2l-reg")));

    private static final int S = 10;

    /** Weights of layer 0 are multiplied with every token, those of layer 1 once. */
    private static final double LAYER0 = 2 * (4 * 24 * 24 + 2 * 24 * 40) * S;

    private static final double LAYER1 = 2 * (4 * 24 * 24 + 2 * 24 * 40);
    private static final double ATTENTION0 = 4 * S * S * 24;

    /** A query and a mean of each head. */
    private static final double ATTENTION1 = 4 * 3 * S * 24;

    private static final double POOLER = 2 * 24 * 24;
    private static final double TAIL = LAYER1 + ATTENTION1 + POOLER;
    private static final double FORWARD = LAYER0 + ATTENTION0 + TAIL;

    /** In the lowest stage the gradient ends at the pairs: Q, K and V take none further; in layer 1 Q and the input. */
    private static final double LAYER0_LOWEST = LAYER0 - 2 * 3 * 24 * 24 * S + 2 * ATTENTION0;

    private static final double LAYER1_BACKWARD = LAYER1 + 2 * ATTENTION1;
    private static final double LAYER1_LOWEST = LAYER1 - 2 * 24 * 24 + ATTENTION1;

    /** On the query of layer 1: one token. */
    private static final double TOP = 2 * 4 * (24 + 24);

    private static final double BOTTOM = 2 * 2 * (24 + 24) * S;
    private static final double ALL = FORWARD + LAYER0_LOWEST + LAYER1_BACKWARD + POOLER + 3 * TOP + 3 * BOTTOM;

    static final LoraManifest MANIFEST = new LoraManifest(
            PlainLora.INSTANCE,
            List.of(group("top", 1, 4, 0.0), group("bottom", 0, 2, 0.1)),
            BiasMode.NONE,
            List.of(new TensorSpec("classifier.weight", List.of(1, 24)), new TensorSpec("classifier.bias", List.of(1))),
            List.of());

    static final EpochPlanner PLANNER = new EpochPlanner(
            MANIFEST, TWO_LAYERS, new ShardPlan(2, 4, 18, false), CachePolicy.auto(StoredType.FLOAT32, "test"));

    private final StepCost cost = cost(new TextStatistics(5, 0, Map.of(S, 5L)));

    static StepCost cost(TextStatistics lengths) {
        return new StepCost(PLANNER, lengths, 2);
    }

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
        assertThat(cost.relative(BOTH, false)).isEqualTo(1);
        assertRelative(TOP_ONLY, FORWARD + LAYER1_LOWEST + POOLER + 3 * TOP);
        assertRelative(HEAD_ONLY, FORWARD);
    }

    @Test
    void aFrozenPairIsComputedAndPassesGradientsWhereBackwardComesBy() {
        assertRelative(TOP_FROZEN, FORWARD + LAYER0_LOWEST + LAYER1_BACKWARD + POOLER + 2 * TOP + 3 * BOTTOM);
        assertRelative(BOTTOM_FROZEN, FORWARD + LAYER1_LOWEST + POOLER + 3 * TOP + BOTTOM);
    }

    @Test
    void whatIsHeldIsNotComputed() {
        assertThat(cost.relative(BOTTOM_FROZEN, true))
                .isCloseTo((TAIL + LAYER1_LOWEST + POOLER + 3 * TOP) / ALL, Offset.offset(1e-12));
        assertThat(cost.relative(HEAD_ONLY, true)).isZero();
    }

    private void assertRelative(FreezeState state, double operations) {
        assertThat(cost.relative(state, false)).isCloseTo(operations / ALL, Offset.offset(1e-12));
    }

    /** Each of 2 rows bears half of B A and of the squares of V; a dormant pair has neither, and a held layer neither. */
    @Test
    void theNormsOfDoraAreComputedOnceAPass() {
        LoraManifest manifest =
                new LoraManifest(Dora.INSTANCE, MANIFEST.groups(), BiasMode.NONE, MANIFEST.head(), List.of());
        EpochPlanner planner = new EpochPlanner(manifest, TWO_LAYERS, PLANNER.shards(), PLANNER.cache());
        StepCost dora = new StepCost(planner, new TextStatistics(5, 0, Map.of(S, 5L)), 2);
        double norms4 = 2 * (4 + 1) * 24 * 24 / 2.0;
        double norms2 = 2 * (2 + 1) * 24 * 24 / 2.0;
        // The length of each output; the group that drops out multiplies W a second time.
        double top = TOP + 2 * 24;
        double bottom = BOTTOM + 2 * 24 * S;
        double dropping = bottom + 2 * 24 * 24 * S;
        double topOnly = FORWARD + LAYER1_LOWEST + POOLER + 3 * top + norms4;
        assertThat(dora.operations(TOP_ONLY, false)).isEqualTo(topOnly);
        assertThat(dora.operations(BOTTOM_FROZEN, false)).isEqualTo(topOnly + bottom + norms2);
        assertThat(dora.operations(BOTTOM_FROZEN, true)).isEqualTo(TAIL + LAYER1_LOWEST + POOLER + 3 * top + norms4);
        assertThat(dora.operations(BOTH, false)).isEqualTo(ALL + 3 * (top - TOP + dropping - BOTTOM) + norms4 + norms2);
        assertThat(dora.forwardOperations(BOTH, false)).isEqualTo(FORWARD + top + bottom + norms4 + norms2);
        assertThat(dora.operations(HEAD_ONLY, false)).isEqualTo(FORWARD);
    }

    @Test
    void rowsOfSeveralLengthsAreAveraged() {
        // Attention grows with the square, so a mean length would not do.
        StepCost mixed = new StepCost(PLANNER, new TextStatistics(2, 0, Map.of(S, 1L, 3 * S, 1L)), 2);
        // Three times the tokens: thrice the products of every token, nine times the attention below the last layer.
        double forward = (2 * FORWARD + 2 * LAYER0 + 8 * ATTENTION0 + 2 * ATTENTION1) / 2;
        double lowest1 = (2 * LAYER1_LOWEST + 2 * ATTENTION1) / 2;
        double backward1 = (2 * LAYER1_BACKWARD + 4 * ATTENTION1) / 2;
        double lowest0 = (2 * LAYER0_LOWEST + 2 * (LAYER0 - 2 * 3 * 24 * 24 * S) + 16 * ATTENTION0) / 2;
        double all = forward + backward1 + lowest0 + POOLER + 3 * TOP + 2 * 3 * BOTTOM;
        assertThat(mixed.relative(TOP_ONLY, false))
                .isCloseTo((forward + lowest1 + POOLER + 3 * TOP) / all, Offset.offset(1e-12));
        assertThat(mixed.cacheBytes(kept(2, StoredType.FLOAT32), 100)).isEqualTo(100 * 2 * S * 24 * 4);
    }

    @Test
    void whatTrainsIsSent() {
        assertThat(cost.trainableParameters(BOTH)).isEqualTo(2 * 4 * 24 + 2 * 2 * 24 + 25);
        assertThat(cost.allReduceBytes(TOP_ONLY)).isEqualTo(4 * (2 * 4 * 24 + 25));
        // Values, gradient and two moments; of the frozen group its values.
        assertThat(cost.stateBytes(BOTTOM_FROZEN)).isEqualTo(4 * (4 * (2 * 4 * 24 + 25) + 2 * 2 * 24));
    }

    private static CachePlan kept(int stage, StoredType precision) {
        return new CachePlan(stage, precision, "", "test");
    }

    @Test
    void aCacheHoldsAVectorATokenAndAboveTheLastLayerOneARow() {
        assertThat(cost.lowestTrainableLayer(TOP_ONLY)).isEqualTo(2);
        assertThat(cost.lowestTrainableLayer(BOTH)).isEqualTo(1);
        assertThat(cost.lowestTrainableLayer(HEAD_ONLY)).isEqualTo(4);
        assertThat(cost.cacheBytes(kept(2, StoredType.FLOAT32), 100)).isEqualTo(100 * S * 24 * 4);
        assertThat(cost.cacheBytes(kept(2, StoredType.FLOAT16), 100)).isEqualTo(100 * S * 24 * 2);
        assertThat(cost.cacheBytes(kept(4, StoredType.FLOAT32), 100)).isEqualTo(100 * 24 * 4);
        assertThat(cost.cacheBytes(CachePlan.off("test"), 100)).isZero();
    }

    @Test
    void autogradKeepsTheLayersThatBackwardPasses() {
        long layer0 = S * (7L * 24 + 40 + 3);
        long layer1 = S * 24L + 2 * 3 * 24 + 3 * 24 + 40 + 3 * S;
        long pooler = 2 * 24;
        assertThat(cost.savedBytes(TOP_ONLY, 2, Precision.FLOAT32)).isEqualTo(2 * 4 * (layer1 + pooler + 4));
        // The lower group drops out: mask and product of the input are kept.
        assertThat(cost.savedBytes(BOTH, 2, Precision.FLOAT32))
                .isEqualTo(2 * 4 * (layer0 + layer1 + pooler + 4 + S * (2 * 24 + 2)));
        assertThat(cost.savedBytes(HEAD_ONLY, 2, Precision.FLOAT32)).isZero();
    }
}
