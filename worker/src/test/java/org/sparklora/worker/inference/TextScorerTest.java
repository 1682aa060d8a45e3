package org.sparklora.worker.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDManager;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.TensorSpec;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.Example;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.ClassificationHead;
import org.sparklora.worker.inference.Scorer.TextRow;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.machine.Machine;

/** Scorers that share merged models, on the tiny encoder of the stored runs. */
class TextScorerTest {

    private static final Path MODEL =
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l");
    private static final String QUERY = "bert.encoder.layer.11.attention.self.query";
    private static final List<TextRow> TEXT = List.of(new TextRow("great plot", null));

    /** A pair on the last layer's query with the same values each time, scaled by alpha / 4. */
    private static TrainedModel model(double alpha, String sha256) throws IOException {
        ClassificationHead head = new ClassificationHead(2);
        LoraModule module = new LoraModule(QUERY, 4, alpha, 32, 32);
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(new LoraGroup("top", "", List.of(module), GroupSettings.PLAIN)),
                BiasMode.NONE,
                BaseModel.shared(MODEL).encoder().head().tensors(2),
                List.of());
        Map<String, float[]> values = new TreeMap<>();
        for (String group : manifest.names()) {
            for (TensorSpec tensor : manifest.tensors(group)) {
                float[] own = new float[tensor.size()];
                for (int i = 0; i < own.length; i++) {
                    own[i] = (i % 7 - 3) * 0.1f;
                }
                values.put(tensor.name(), own);
            }
        }
        return new TrainedModel(
                new TrainedModel.Base(
                        ModelSource.everywhere(MODEL.toString()), BaseModel.sha256(MODEL), Arithmetic.DEFAULT),
                head,
                new TrainedModel.Adapter(manifest, new AdapterSnapshot(values), sha256),
                new TrainedModel.Text(TokenizerSpec.read(MODEL), 16));
    }

    private static float[] logits(TextScorer scorer) {
        float[] logits = scorer.logits(TEXT).get(0);
        assertThat(logits).isNotNull();
        return logits;
    }

    @Test
    void equalValuesUnderAnotherAlphaAreAnotherModelSideBySide() throws IOException {
        try (TextScorer weak = TextScorer.open(model(1, "weak"));
                TextScorer strong = TextScorer.open(model(64, "strong"))) {
            assertThat(logits(weak)).isNotEqualTo(logits(strong));
        }
    }

    @Test
    void scorersOfOneAdapterShareAModelThatStaysWhileItIsUsedAndAWhileLonger() throws IOException {
        int before = MergedModels.size();
        TrainedModel trained = model(8, "shared");
        float[] wanted;
        try (TextScorer first = TextScorer.open(trained);
                TextScorer second = TextScorer.open(trained)) {
            assertThat(MergedModels.size()).isEqualTo(before + 1);
            wanted = logits(first);
            assertThat(logits(second)).isEqualTo(wanted);
            // Many others come and go.
            for (int i = 0; i < 10; i++) {
                TextScorer.open(model(8, "other " + i)).close();
            }
            assertThat(logits(first)).isEqualTo(wanted);
        }
        List<TextScorer> used = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            used.add(TextScorer.open(model(8, "used " + i)));
        }
        int most = MergedModels.size();
        assertThat(most).isGreaterThanOrEqualTo(10);
        used.forEach(TextScorer::close);
        assertThat(MergedModels.size()).as("a few idle ones stay").isEqualTo(4);
        assertThatThrownBy(() -> MergedModels.release(trained.key())).isInstanceOf(IllegalStateException.class);
    }

    private static TrainedModel in(Precision precision, TrainedModel model) {
        TrainedModel.Base base = new TrainedModel.Base(
                model.base().source(), model.base().sha256(), new Arithmetic(Kernel.ONEDNN, precision));
        return new TrainedModel(base, model.head(), model.adapter(), model.text());
    }

    @ParameterizedTest
    @EnumSource
    void vectorsComeFromThePassThatPredicts(Precision precision) throws IOException {
        assumeTrue(
                precision == Precision.FLOAT32 || Machine.hardware().hasBfloat16(),
                "this processor has no instructions for bfloat16");
        TrainedModel trained = in(precision, model(8, "vectors"));
        Batch batch = Batch.of(
                List.of(
                        new Example(new int[] {2, 17, 30, 3}, 4, 0, 1f, 0),
                        new Example(new int[] {2, 9, 3}, 3, 0, 1f, 1)),
                0);
        try (NDManager manager = Torch.newManager();
                MergedModel merged = MergedModel.of(trained)) {
            Tokens tokens = Tokens.of(manager, batch);
            float[] logits = Tensors.toFloats(merged.logits(tokens));
            float[] first = Tensors.toFloats(merged.outputs(tokens, false).hidden());
            MergedModel.Outputs every = merged.outputs(tokens, true);
            assertThat(Tensors.toFloats(every.logits())).isEqualTo(logits);
            assertThat(Tensors.toFloats(merged.outputs(tokens, false).logits())).isEqualTo(logits);
            float[] hidden = Tensors.toFloats(every.hidden());
            assertThat(hidden).hasSize(2 * 4 * 32);
            for (int row = 0; row < 2; row++) {
                assertThat(Arrays.copyOfRange(hidden, row * 4 * 32, row * 4 * 32 + 32))
                        .containsExactly(Arrays.copyOfRange(first, row * 32, row * 32 + 32), Offset.offset(2e-5f));
            }
        }
    }

    @Test
    void bfloat16PredictsAlmostTheSameAndIsAnotherModel() throws IOException {
        assumeTrue(Machine.hardware().hasBfloat16(), "this processor has no instructions for bfloat16");
        TrainedModel trained = model(8, "precise");
        try (TextScorer exact = TextScorer.open(trained);
                TextScorer rounded = TextScorer.open(in(Precision.BFLOAT16, trained))) {
            assertThat(logits(rounded))
                    .isNotEqualTo(logits(exact))
                    .containsExactly(logits(exact), Offset.offset(0.05f));
        }
    }

    /** Of several lengths, so that the batch has padding. */
    private static final List<TextRow> TEXTS =
            List.of(new TextRow("great plot", null), new TextRow("a bad plot, and very long", null), TEXT.get(0));

    @ParameterizedTest
    @EnumSource
    void modelsThatShareTheirTrunkScoreAsOnesThatDoNot(Precision precision) throws IOException {
        assumeTrue(
                precision == Precision.FLOAT32 || Machine.hardware().hasBfloat16(),
                "this processor has no instructions for bfloat16");
        TrainedModel weak = in(precision, model(1, "weak trunk"));
        TrainedModel strong = in(precision, model(64, "strong trunk"));
        long before = SharedTrunks.OF_JVM.found();
        try (TextScorer weakAlone = TextScorer.open(weak);
                TextScorer strongAlone = TextScorer.open(strong);
                TextScorer weakFirst = TextScorer.open(weak, true);
                TextScorer strongSecond = TextScorer.open(strong, true)) {
            assertThat(strongAlone.logits(TEXTS)).isNotEqualTo(weakAlone.logits(TEXTS));
            assertThat(SharedTrunks.OF_JVM.found()).isEqualTo(before);
            assertThat(weakFirst.logits(TEXTS)).usingRecursiveComparison().isEqualTo(weakAlone.logits(TEXTS));
            assertThat(strongSecond.logits(TEXTS)).usingRecursiveComparison().isEqualTo(strongAlone.logits(TEXTS));
        }
        assertThat(SharedTrunks.OF_JVM.found()).isGreaterThan(before);
    }
}
