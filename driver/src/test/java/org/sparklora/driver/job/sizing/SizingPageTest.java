package org.sparklora.driver.job.sizing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.plan.CachePolicy;
import org.sparklora.driver.job.plan.EpochPlanner;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.job.plan.StepCost;
import org.sparklora.driver.job.plan.Timeline;
import org.sparklora.driver.job.sizing.SizingText.Question;
import org.sparklora.worker.contract.BiasMode;
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
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.train.LearningRateSchedule;

/** What docs/sizing.md says of a job on BERT-base is what the model says. */
class SizingPageTest {

    private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));
    private static final Encoder BERT_BASE =
            BertEncoder.of(EncoderConfig.read(ROOT.resolve("driver/src/test/resources/bert-base")));
    private static final int EPOCHS = 10;
    private static final ShardPlan SHARDS = new ShardPlan(1024, 1024, 1_000_000, false);

    private static LoraGroup group(String name, int from, int to) {
        return new LoraGroup(
                name,
                "",
                IntStream.range(from, to)
                        .boxed()
                        .flatMap(layer -> Stream.of("key", "query", "value")
                                .map(linear -> new LoraModule(
                                        "bert.encoder.layer." + layer + ".attention.self." + linear, 8, 16, 768, 768)))
                        .toList(),
                new GroupSettings(0.0, false, 1.0, 0));
    }

    /** Layer 11 for two epochs, then all of the upper four. */
    private static RunPlan plan() {
        LoraManifest manifest = new LoraManifest(
                PlainLora.INSTANCE,
                List.of(group("middle", 8, 11), group("top", 11, 12)),
                BiasMode.NONE,
                List.of(
                        new TensorSpec("classifier.weight", List.of(2, 768)),
                        new TensorSpec("classifier.bias", List.of(2))),
                List.of());
        FreezeState first = FreezeState.of(Map.of("top", GroupState.LIVE, "middle", GroupState.DORMANT));
        FreezeState both = FreezeState.of(Map.of("top", GroupState.LIVE, "middle", GroupState.LIVE));
        int steps = SHARDS.stepsPerEpoch();
        Timeline timeline = new Timeline(
                Timeline.Kind.EXACT,
                IntStream.range(0, EPOCHS)
                        .mapToObj(epoch -> new Timeline.Stretch(
                                StepPosition.of(epoch, 0, steps), steps, epoch < 2 ? first : both, List.of()))
                        .toList());
        TextStatistics lengths = new TextStatistics(10, 0, Map.of(32, 5L, 64, 3L, 128, 2L));
        EpochPlanner planner =
                new EpochPlanner(manifest, BERT_BASE, SHARDS, CachePolicy.auto(StoredType.FLOAT32, "bert-base"));
        return new RunPlan(
                new RunPlan.Subject(
                        "letters",
                        new RunPlan.Model("bert-base", 12, 768, 440_000_000),
                        new RunPlan.Data(SHARDS, OptionalLong.of(20_000), lengths, 128, List.of("no", "yes")),
                        new RunPlan.Schedule(
                                "epochs",
                                RunLength.ofEpochs(EPOCHS, SHARDS.stepsPerEpoch()),
                                OptionalLong.empty(),
                                5e-4,
                                new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 1)),
                        new RunPlan.Memory(OptionalInt.of(4), 1, false, Precision.FLOAT32)),
                planner,
                new StepCost(planner, lengths, 1),
                List.of(timeline),
                List.of());
    }

    @Test
    void thePageShowsWhatTheModelSays() throws IOException {
        List<String> lines = SizingText.of(
                plan(),
                new Question(
                        List.of(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000),
                        4,
                        Speeds.ofCluster(60e9, 10),
                        OptionalDouble.empty()));
        String page = Files.readString(ROOT.resolve("docs/sizing.md"));
        assertThat(page).contains("```\n" + String.join("\n", lines) + "\n```");
    }
}
