package org.sparklora.driver.run.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.driver.job.freeze.StepPosition;
import org.sparklora.driver.job.freeze.ThawOnPlateau;
import org.sparklora.driver.job.freeze.Transition;
import org.sparklora.driver.job.plan.CachePolicy;
import org.sparklora.driver.job.plan.EpochPlanner;
import org.sparklora.driver.run.loop.TrainingLoop.Result;
import org.sparklora.driver.run.loop.TrainingLoop.TrainingSettings;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.BiasMode;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.GroupSettings;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.LoraModule;
import org.sparklora.worker.contract.OptimizerStateOnThaw;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadLayers;
import org.sparklora.worker.lora.PlainLora;
import org.sparklora.worker.lora.Svd;
import org.sparklora.worker.train.AdamW;
import org.sparklora.worker.train.LearningRateSchedule;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.ParameterInitializer;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;

/** The loop on a runner of its own: no Spark, gradients of ones. */
class TrainingLoopTest {

    private static final Svd NO_SVD = (weight, rows, columns, rank, iterations, key) -> {
        throw new AssertionError("plain LoRA decomposes nothing");
    };
    private static final BaseModel BASE = BaseModel.shared(
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l"));

    private final List<String> told = new ArrayList<>();
    private final List<EpochPlan> plans = new ArrayList<>();
    private final List<EpochMetrics> seen = new ArrayList<>();

    private static LoraGroup group(String name, int layer) {
        String path = "bert.encoder.layer." + layer + ".attention.self.query";
        return new LoraGroup(name, "test", List.of(new LoraModule(path, 2, 4, 32, 32)), GroupSettings.PLAIN);
    }

    private static LoraManifest manifest() {
        return new LoraManifest(
                PlainLora.INSTANCE,
                List.of(group("top", 11), group("bottom", 0)),
                BiasMode.NONE,
                HeadLayers.classifier(32).tensors(2),
                List.of());
    }

    private final class Ones implements EpochRunner {

        private final double[] accuracies;

        Ones(double... accuracies) {
            this.accuracies = accuracies;
        }

        @Override
        public Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer) {
            plans.add(plan);
            return new StepByStep(
                    plan,
                    state,
                    optimizer,
                    (step, live) -> {
                        float[] gradient = new float[live.length];
                        Arrays.fill(gradient, 1f);
                        return new ShardSum(1, 1, plan.shards().examplesIn(step), Padding.NONE, gradient);
                    },
                    () -> told.add("closed " + plan.epoch()));
        }

        @Override
        public boolean validates() {
            return accuracies.length > 0;
        }

        @Override
        public SortedMap<String, Double> evaluate(EpochPlan plan, long stepsDone) {
            SortedMap<String, Double> metrics = new TreeMap<>();
            if (accuracies.length > 0) {
                metrics.put("accuracy", accuracies[plan.epoch()]);
            }
            return metrics;
        }
    }

    private final class Listener implements RunListener {
        @Override
        public void moved(StepPosition at, Transition transition) {
            told.add("moved before " + at + ": " + transition.group() + " "
                    + transition.to().label());
        }

        @Override
        public void added(StepPosition at, String group, String reason) {
            told.add("added before " + at + ": " + group);
        }

        @Override
        public void restored(StepPosition at, int epoch, String reason) {
            told.add("before " + at + " back to the end of epoch " + epoch);
        }

        @Override
        public void stopped(StepPosition at, String reason) {
            told.add("stopped before " + at);
        }

        @Override
        public void epochStarts(EpochPlan plan, String reason) {
            told.add("epoch " + plan.epoch() + " live " + plan.freeze().in(GroupState.LIVE) + " "
                    + plan.freezePlan().trainableParameters());
        }

        @Override
        public void epochResumes(EpochPlan plan, int stepsDone) {
            told.add("epoch " + plan.epoch() + " goes on after " + stepsDone);
        }

        @Override
        public void stepsDone(int epoch, List<StepReport> reports) {
            reports.forEach(report -> told.add("step " + report.step()));
        }

        @Override
        public void epochEnds(EpochResult result) {
            told.add("end " + result.metrics().epoch());
            seen.add(result.metrics());
        }
    }

    private Result run(FreezePolicy policy, StoppingCriteria ending, double... accuracies) {
        return run(policy, ending, RunLength.ofEpochs(ending.epochs(), 2), accuracies);
    }

    private Result run(FreezePolicy policy, StoppingCriteria ending, RunLength length, double... accuracies) {
        LoraManifest manifest = manifest();
        OptimizerSettings optimizer = new OptimizerSettings(
                0.1,
                new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 100),
                new AdamW(0.9, 0.999, 1e-8, 0.0),
                OptionalDouble.empty());
        TrainingSettings settings = new TrainingSettings(
                policy,
                optimizer,
                length,
                ending,
                new EpochPlanner(manifest, BASE.encoder(), new ShardPlan(2, 4, 7, true), CachePolicy.off("test")));
        ParameterInitializer initializer =
                new ParameterInitializer(BASE, manifest, 1, AdapterSnapshot.EMPTY, NO_SVD, Optional.empty());
        return new TrainingLoop(initializer, settings, new Ones(accuracies), new Listener(), Clock.systemUTC())
                .run(checkpoint -> {});
    }

    private static StoppingCriteria epochs(int epochs) {
        return new StoppingCriteria(epochs, "loss", false, OptionalInt.empty());
    }

    @Test
    void tellsTheStoryInOrder() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(
                        EpochSchedule.Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP),
                        EpochSchedule.Event.freeze(2, List.of("bottom"))));
        Result result = run(policy, epochs(3));
        assertThat(told)
                .containsExactly(
                        "epoch 0 live [top] 194",
                        "step 0",
                        "step 1",
                        "closed 0",
                        "end 0",
                        "moved before epoch 1: bottom live",
                        "epoch 1 live [bottom, top] 322",
                        "step 2",
                        "step 3",
                        "closed 1",
                        "end 1",
                        "moved before epoch 2: bottom frozen",
                        "epoch 2 live [top] 194",
                        "step 4",
                        "step 5",
                        "closed 2",
                        "end 2");
        assertThat(result.freeze().of("bottom")).isEqualTo(GroupState.FROZEN);
    }

    @Test
    void theBroadcastHoldsFrozenGroupsButNotDormantOnes() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(
                        EpochSchedule.Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP),
                        EpochSchedule.Event.freeze(2, List.of("bottom"))));
        run(policy, epochs(3));
        String bottomA = "bert.encoder.layer.0.attention.self.query.lora_A.weight";
        assertThat(plans.get(0).snapshot().contains(bottomA)).isFalse();
        assertThat(plans.get(0).manifest().group("bottom"))
                .as("the full manifest")
                .isPresent();
        assertThat(plans.get(1).snapshot().contains(bottomA)).isTrue();
        assertThat(plans.get(2).snapshot().contains(bottomA)).isTrue();
        assertThat(plans.get(2).snapshot().view(bottomA))
                .isNotEqualTo(plans.get(1).snapshot().view(bottomA));
    }

    @Test
    void aGroupMayJoinBetweenTwoSteps() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(EpochSchedule.Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP)
                        .atStep(1)));
        Result result = run(policy, epochs(2));
        assertThat(told)
                .containsSubsequence(
                        "epoch 1 live [top] 194", "step 2", "moved before step 1 of epoch 1: bottom live", "step 3");
        assertThat(plans).hasSize(3);
        assertThat(plans.get(1).freeze().of("bottom")).isEqualTo(GroupState.DORMANT);
        assertThat(plans.get(2).freeze().of("bottom")).isEqualTo(GroupState.LIVE);
        assertThat(result.freeze().of("bottom")).isEqualTo(GroupState.LIVE);
    }

    /** Gradients of ones: the norm of a group is the root of its size, at each step at which it is live. */
    @Test
    void aGroupThatWasLiveForPartOfAnEpochCountsTheStepsAtWhichItWas() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(EpochSchedule.Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP)
                        .atStep(1)));
        run(policy, epochs(2));
        double norm = StrictMath.sqrt(128);
        assertThat(seen.get(0).gradientNorms().keySet()).containsExactly("head", "top");
        assertThat(seen.get(1).gradientNorms().keySet()).containsExactly("bottom", "head", "top");
        assertThat(seen.get(1).gradientNorms().values())
                .satisfiesExactly(
                        bottom -> assertThat(bottom).isCloseTo(norm, within(1e-5)),
                        head -> assertThat(head).isCloseTo(StrictMath.sqrt(66), within(1e-5)),
                        top -> assertThat(top).isCloseTo(norm, within(1e-5)));
    }

    @Test
    void aPolicyThatRestoresGoesBackToTheValuesOfThatEpoch() {
        ThawOnPlateau policy = new ThawOnPlateau(
                List.of("top"),
                List.of("top", "bottom"),
                new ThawOnPlateau.Watch("accuracy", 0, 2),
                new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                true);
        run(policy, epochs(5), 0.5, 0.8, 0.7, 0.7, 0.7);
        assertThat(told).contains("before epoch 4 back to the end of epoch 1");
        String topB = "bert.encoder.layer.11.attention.self.query.lora_B.weight";
        float[] endOfEpoch1 = plans.get(2).snapshot().values(topB);
        assertThat(plans.get(3).snapshot().values(topB)).isNotEqualTo(endOfEpoch1);
        assertThat(plans.get(4).snapshot().values(topB)).isEqualTo(endOfEpoch1);
        assertThat(plans.get(4).freeze().of("bottom")).isEqualTo(GroupState.LIVE);
    }

    @Test
    void theBestEpochIsTheResult() {
        EpochSchedule policy = new EpochSchedule(List.of("top"), List.of());
        StoppingCriteria best = new StoppingCriteria(4, "accuracy", true, OptionalInt.empty());
        Result result = run(policy, best, 0.5, 0.8, 0.8, 0.7);
        assertThat(result.epoch()).as("equal is not better").isEqualTo(1);
        assertThat(result.adapter()).isEqualTo(plans.get(2).snapshot());
    }

    @Test
    void patienceEndsTheRun() {
        EpochSchedule policy = new EpochSchedule(List.of("top"), List.of());
        StoppingCriteria early = new StoppingCriteria(9, "eval_accuracy", false, OptionalInt.of(2));
        Result result = run(policy, early, 0.5, 0.8, 0.7, 0.8, 0.9, 0.9);
        assertThat(result.epoch()).isEqualTo(3);
        assertThat(plans).hasSize(4);
    }

    @Test
    void anEmptyListOfLiveGroupsTrainsTheHeadOnly() {
        run(new EpochSchedule(List.of(), List.of()), epochs(1));
        assertThat(told).contains("epoch 0 live [] 66");
    }
}
