package org.sparklora.worker.train;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.sparklora.worker.contract.DropoutRates;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.Encoder;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.lora.LoraVariant;

/** Layers are computed in three ways, by what drops out and what is read: all of them drop out what they should. */
class DropoutPlacesTest {

    private static final int LAST = 11;
    private static final String SELF = "bert.encoder.layer." + LAST + ".attention.self.";

    /** Of 65,536 values none is dropped at this rate. */
    private static final double NEXT_TO_NOTHING = 1e-6;

    private final Encoder encoder = TinyModel.BASE.encoder();
    private final NDManager manager = open();
    private final Batch batch = Batch.of(TinyModel.examples(5, 1), 0);

    private static NDManager open() {
        Torch.prepareThread();
        return Torch.newManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private static LoraGroup group(String name, String module, double dropout) {
        return new LoraGroup(
                name,
                "",
                List.of(new LoraModule(SELF + module, 4, 8, TinyModel.HIDDEN, TinyModel.HIDDEN)),
                new GroupSettings(dropout, false, 1.0, 0));
    }

    /** Keys and values of the last layer with pairs that train; what enters a layer is the embeddings. */
    private ForwardPass pass(LoraVariant variant, double loraDropout, double attentionDropout) {
        LoraManifest manifest =
                TinyModel.manifest(variant, group("k", "key", loraDropout), group("v", "value", loraDropout));
        AdaptedModel model = new AdaptedModel(
                manager,
                TinyModel.BASE,
                TinyModel.HEAD,
                TinyModel.freezePlan(manifest, TinyModel.freeze(manifest, Map.of())),
                TinyModel.values(manifest),
                true);
        return new ForwardPass(model, KeyedDropout.training(3, 1, 2, 0, 0), new DropoutRates(0, attentionDropout, 0));
    }

    /** The first token of each row after the last layer, computed for every token. */
    private float[] ofEveryToken(LoraVariant variant, double loraDropout, double attentionDropout) {
        ForwardPass pass = pass(variant, loraDropout, attentionDropout);
        Tokens tokens = Tokens.of(manager, batch);
        NDArray all =
                encoder.layer(LAST, pass, encoder.embed(pass, tokens), tokens).array();
        return Tensors.toFloats(all.reshape(new Shape(tokens.batch(), tokens.length(), TinyModel.HIDDEN))
                .get("0:, 0"));
    }

    private float[] ofTheFirst(LoraVariant variant, double loraDropout, double attentionDropout) {
        ForwardPass pass = pass(variant, loraDropout, attentionDropout);
        Tokens tokens = Tokens.of(manager, batch);
        return Tensors.toFloats(encoder.run(LAST + 1, LAST + 2, pass, encoder.embed(pass, tokens), tokens)
                .array());
    }

    private static double distance(float[] a, float[] b) {
        assertThat(a).hasSameSizeAs(b);
        double most = 0;
        for (int i = 0; i < a.length; i++) {
            most = Math.max(most, Math.abs(a[i] - b[i]));
        }
        return most;
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void theInputsOfKeysAndValuesDropOutByTheSameMasksInBothWays(LoraVariant variant) {
        assertThat(distance(ofTheFirst(variant, 0, 0), ofEveryToken(variant, 0, 0)))
                .isLessThan(1e-5);
        assertThat(distance(ofTheFirst(variant, 0.5, 0), ofEveryToken(variant, 0.5, 0)))
                .isLessThan(1e-5);
        assertThat(distance(ofEveryToken(variant, 0.5, 0), ofEveryToken(variant, 0, 0)))
                .isGreaterThan(1e-3);
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void probabilitiesDropOutWhetherOneTokenAsksOrAll(LoraVariant variant) {
        assertThat(distance(ofEveryToken(variant, 0, 0.5), ofEveryToken(variant, 0, 0)))
                .isGreaterThan(1e-3);
        assertThat(distance(ofTheFirst(variant, 0, 0.5), ofTheFirst(variant, 0, 0)))
                .isGreaterThan(1e-3);
    }

    @ParameterizedTest
    @MethodSource("org.sparklora.worker.lora.LoraVariants#all")
    void attentionInOperationsIsThatOfTheFusedKernel(LoraVariant variant) {
        assertThat(distance(ofEveryToken(variant, 0, NEXT_TO_NOTHING), ofEveryToken(variant, 0, 0)))
                .isLessThan(1e-4);
    }
}
