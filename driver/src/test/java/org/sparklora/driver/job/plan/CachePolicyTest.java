package org.sparklora.driver.job.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.FreezePlan;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.StoredType;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.lora.PlainLora;

class CachePolicyTest {

    private static final Encoder ENCODER = BaseModel.shared(Path.of(
                    System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l"))
            .encoder();

    private final CachePolicy auto = CachePolicy.auto(StoredType.FLOAT32, "base");

    private static LoraGroup group(String name, String path) {
        return new LoraGroup(name, "", List.of(new LoraModule(path, 2, 4, 32, 32)), GroupSettings.PLAIN);
    }

    private static LoraManifest manifest(BiasMode bias) {
        return new LoraManifest(
                PlainLora.INSTANCE,
                List.of(
                        group("bottom", "bert.encoder.layer.0.attention.self.query"),
                        group("middle", "bert.encoder.layer.5.attention.self.query"),
                        group("pooler", "bert.pooler.dense"),
                        group("top", "bert.encoder.layer.11.attention.self.query")),
                bias,
                HeadLayers.classifier(32).tensors(2),
                bias == BiasMode.ALL ? ENCODER.biases() : List.of());
    }

    private static FreezeState states(BiasMode bias, String... live) {
        Map<String, GroupState> states = new TreeMap<>();
        manifest(bias)
                .groups()
                .forEach(g ->
                        states.put(g.name(), List.of(live).contains(g.name()) ? GroupState.LIVE : GroupState.DORMANT));
        return FreezeState.of(states);
    }

    private static CachePlan plan(CachePolicy policy, BiasMode bias, boolean whole, String... live) {
        FreezePlan freezePlan = new FreezePlan(manifest(bias), states(bias, live), ENCODER::layerIndex);
        return policy.plan(freezePlan, ENCODER, AdapterSnapshot.EMPTY, whole);
    }

    private CachePlan plan(BiasMode bias, boolean whole, String... live) {
        return plan(auto, bias, whole, live);
    }

    @Test
    void cachesTheInputOfTheLowestTrainableLayer() {
        CachePlan top = plan(BiasMode.NONE, true, "top", "pooler");
        assertThat(top.layerIndex()).isEqualTo(12);
        assertThat(top.isOn()).isTrue();
        assertThat(top.reason()).isEqualTo("nothing below layer 11 trains");
        assertThat(plan(BiasMode.NONE, true, "top", "middle").layerIndex()).isEqualTo(6);
        assertThat(plan(BiasMode.NONE, true, "pooler").reason()).isEqualTo("nothing below pooler trains");
        assertThat(plan(BiasMode.NONE, true).layerIndex()).isEqualTo(14);
        assertThat(plan(BiasMode.NONE, true).reason()).isEqualTo("nothing below head trains");
    }

    @Test
    void cachesNothingWhereNothingWouldBeSaved() {
        assertThat(plan(BiasMode.NONE, true, "bottom", "top").reason()).contains("layer 0 trains");
        assertThat(plan(BiasMode.ALL, true, "top").reason()).contains("the embeddings train");
        CachePlan moving = plan(BiasMode.NONE, false, "top");
        assertThat(moving.reason()).isEqualTo("groups may move within the epoch");
        assertThat(moving.isOn()).isFalse();
    }

    @Test
    void isOffIfTheJobSaysSo() {
        CachePlan off = plan(CachePolicy.off("so"), BiasMode.NONE, true);
        assertThat(off).isEqualTo(CachePlan.off("so"));
    }

    @Test
    void usesThePrecisionOfTheJob() {
        CachePlan half = plan(CachePolicy.auto(StoredType.FLOAT16, "base"), BiasMode.NONE, true, "top");
        assertThat(half.type()).isEqualTo(StoredType.FLOAT16);
        assertThat(half.digest()).isNotEqualTo(plan(BiasMode.NONE, true, "top").digest());
    }

    /** Runs share activations by the digest. Equal values with another alpha are another trunk; of what is above, nothing counts. */
    @Test
    void theDigestKnowsHowValuesBelowTheLayerAreScaled() {
        assertThat(digest(4, "bert.encoder.layer.0.attention.self.query"))
                .isNotEqualTo(digest(8, "bert.encoder.layer.0.attention.self.query"));
        assertThat(digest(4, "bert.encoder.layer.11.attention.self.value"))
                .isEqualTo(digest(8, "bert.encoder.layer.11.attention.self.value"));
    }

    /** Of a run with a frozen pair in a module. */
    private String digest(double alpha, String module) {
        LoraGroup frozen =
                new LoraGroup("frozen", "", List.of(new LoraModule(module, 2, alpha, 32, 32)), GroupSettings.PLAIN);
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(frozen, group("top", "bert.encoder.layer.11.attention.self.query")),
                BiasMode.NONE,
                HeadLayers.classifier(32).tensors(2),
                List.of());
        FreezeState state = FreezeState.of(new TreeMap<>(Map.of("frozen", GroupState.FROZEN, "top", GroupState.LIVE)));
        Map<String, float[]> values = new TreeMap<>();
        manifest.tensors("frozen").forEach(tensor -> values.put(tensor.name(), new float[tensor.size()]));
        FreezePlan plan = new FreezePlan(manifest, state, ENCODER::layerIndex);
        return auto.plan(plan, ENCODER, new AdapterSnapshot(values), true).digest();
    }
}
