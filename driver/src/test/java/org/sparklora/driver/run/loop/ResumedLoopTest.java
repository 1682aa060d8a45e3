package org.sparklora.driver.run.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.AutoFreeze;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.freeze.EpochSchedule.Event;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.Lisa;
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

/** A run that goes on from a point, any point, tells the rest of the same story and ends with the same bits. */
class ResumedLoopTest {

    private static final Svd NO_SVD = (weight, rows, columns, rank, iterations, key) -> {
        throw new AssertionError("plain LoRA decomposes nothing");
    };
    private static final BaseModel BASE = BaseModel.shared(
            Path.of(System.getProperty("project.root", ".."), "worker/src/test/resources/golden/models/tiny-bert-12l"));
    private static final int EPOCHS = 5;
    private static final int STEPS = 3;
    private static final RunLength WHOLE = RunLength.ofEpochs(EPOCHS, STEPS);
    private static final EpochSchedule POLICY = new EpochSchedule(
            List.of("top"),
            List.of(
                    Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP),
                    Event.freeze(2, List.of("bottom", "top")),
                    Event.thaw(3, List.of("bottom"), OptimizerStateOnThaw.DECAY),
                    Event.thaw(4, List.of("top"), OptimizerStateOnThaw.FRESH)));
    private static final double[] ACCURACIES = {0.5, 0.7, 0.9, 0.6, 0.9};

    private static LoraGroup group(String name, int layer, int warmup) {
        String path = "bert.encoder.layer." + layer + ".attention.self.query";
        return new LoraGroup(
                name, "test", List.of(new LoraModule(path, 2, 4, 32, 32)), new GroupSettings(0.0, false, 1.0, warmup));
    }

    private static LoraManifest manifest(LoraGroup... more) {
        List<LoraGroup> groups = new ArrayList<>(List.of(group("top", 11, 0), group("bottom", 0, 4)));
        groups.addAll(List.of(more));
        return new LoraManifest(
                PlainLora.INSTANCE,
                groups,
                BiasMode.NONE,
                HeadLayers.classifier(32).tensors(2),
                List.of());
    }

    /** Gradients that hang on values and step, so that a value or a moment that is off shows at once. */
    private static class Pulling implements EpochRunner {
        private final long broken;

        Pulling() {
            this(-1);
        }

        /** The cluster ends the run in this step. */
        Pulling(long broken) {
            this.broken = broken;
        }

        @Override
        public Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer) {
            return new StepByStep(
                    plan,
                    state,
                    optimizer,
                    (step, live) -> {
                        if (WHOLE.stepsUntil(plan.epoch()) + step == broken) {
                            throw new ClusterException("cluster.failed", "no executor", null);
                        }
                        float[] gradient = live.clone();
                        for (int i = 0; i < gradient.length; i++) {
                            gradient[i] += (i % 7 - 3) * 0.1f + step;
                        }
                        int examples = plan.shards().examplesIn(step);
                        return new ShardSum(examples * (0.1 + gradient[0]), examples, examples, Padding.NONE, gradient);
                    },
                    () -> {});
        }

        @Override
        public boolean validates() {
            return true;
        }

        @Override
        public SortedMap<String, Double> evaluate(EpochPlan plan, long stepsDone) {
            return new TreeMap<>(java.util.Map.of("accuracy", ACCURACIES[plan.epoch()], "auc", Double.NaN));
        }
    }

    /** Everything but durations. */
    private static final class Story implements RunListener {
        private final List<String> lines = new ArrayList<>();
        private final List<String> resumed = new ArrayList<>();

        @Override
        public void moved(StepPosition at, Transition transition) {
            lines.add(at + " " + transition);
        }

        @Override
        public void added(StepPosition at, String group, String reason) {
            lines.add(at + " added " + group);
        }

        @Override
        public void restored(StepPosition at, int epoch, String reason) {
            lines.add(at + " restored " + epoch);
        }

        @Override
        public void stopped(StepPosition at, String reason) {
            lines.add(at + " stopped " + reason);
        }

        @Override
        public void epochStarts(EpochPlan plan, String reason) {
            lines.add(
                    plan.epoch() + " " + plan.freezePlan().trainableParameters() + " " + reason + " " + plan.freeze());
        }

        @Override
        public void epochResumes(EpochPlan plan, int stepsDone) {
            resumed.add(plan.epoch() + " after " + stepsDone);
        }

        @Override
        public void stepsDone(int epoch, List<StepReport> reports) {
            for (StepReport report : reports) {
                lines.add(epoch + " " + report);
            }
        }

        @Override
        public void epochEnds(EpochResult result) {
            lines.add(result.metrics().toString());
        }
    }

    /** Keeps every point, and how much of the story was told by then. */
    private static final class Everything implements Checkpointer {
        private final Story story;
        private final List<TrainingCheckpoint> points = new ArrayList<>();
        private final List<Integer> told = new ArrayList<>();
        private final int breaksAt;

        Everything(Story story, int breaksAt) {
            this.story = story;
            this.breaksAt = breaksAt;
        }

        @Override
        public boolean wants(long stepsDone) {
            return true;
        }

        @Override
        public void reached(TrainingCheckpoint point) {
            if (points.size() == breaksAt) {
                throw new IllegalStateException("the plug was pulled");
            }
            points.add(point);
            told.add(story.lines.size());
        }
    }

    private static TrainingLoop loop(LoraManifest manifest, FreezePolicy policy, StoppingCriteria ending, Story story) {
        return loop(manifest, policy, ending, story, WHOLE);
    }

    private static TrainingLoop loop(
            LoraManifest manifest, FreezePolicy policy, StoppingCriteria ending, Story story, RunLength length) {
        return loop(manifest, policy, ending, story, length, new Pulling());
    }

    private static TrainingLoop loop(
            LoraManifest manifest,
            FreezePolicy policy,
            StoppingCriteria ending,
            Story story,
            RunLength length,
            EpochRunner runner) {
        OptimizerSettings optimizer = new OptimizerSettings(
                0.1,
                new LearningRateSchedule(LearningRateSchedule.Type.COSINE, 2, 15),
                new AdamW(0.9, 0.999, 1e-8, 0.01),
                OptionalDouble.of(2.0));
        TrainingSettings settings = new TrainingSettings(
                policy,
                optimizer,
                length,
                ending,
                new EpochPlanner(manifest, BASE.encoder(), new ShardPlan(2, 4, 11, true), CachePolicy.off("test")));
        ParameterInitializer initializer =
                new ParameterInitializer(BASE, manifest, 1, AdapterSnapshot.EMPTY, NO_SVD, Optional.empty());
        return new TrainingLoop(initializer, settings, runner, story, Clock.systemUTC());
    }

    private static StoppingCriteria last() {
        return new StoppingCriteria(EPOCHS, "loss", false, OptionalInt.empty());
    }

    private static void everyPointLeadsToTheSameEnd(StoppingCriteria ending) {
        everyPointLeadsToTheSameEnd(ending, POLICY);
    }

    private static Story everyPointLeadsToTheSameEnd(StoppingCriteria ending, FreezePolicy policy) {
        return everyPointLeadsToTheSameEnd(ending, policy, WHOLE);
    }

    private static Story everyPointLeadsToTheSameEnd(StoppingCriteria ending, FreezePolicy policy, RunLength length) {
        Story whole = new Story();
        Everything kept = new Everything(whole, -1);
        Result result = loop(manifest(), policy, ending, whole, length).run(kept);
        assertThat(kept.points).hasSizeGreaterThanOrEqualTo(12);
        for (int i = 0; i < kept.points.size(); i++) {
            TrainingCheckpoint point = kept.points.get(i);
            Story rest = new Story();
            Everything again = new Everything(rest, -1);
            Result end = loop(manifest(), policy, ending, rest, length).resume(point, again);
            String at = "from point " + i;
            assertThat(end.adapter()).as(at).isEqualTo(result.adapter());
            assertThat(end.freeze()).as(at).isEqualTo(result.freeze());
            assertThat(end.epoch()).as(at).isEqualTo(result.epoch());
            assertThat(rest.lines).as(at).isEqualTo(whole.lines.subList(kept.told.get(i), whole.lines.size()));
            int steps = point.progress().stepsDone();
            assertThat(rest.resumed)
                    .as(at)
                    .isEqualTo(steps == 0 ? List.of() : List.of(point.epochsDone() + " after " + steps));
            assertThat(again.points).as(at).isEqualTo(kept.points.subList(i + 1, kept.points.size()));
        }
        return whole;
    }

    @Test
    void everyPointLeadsToTheSameEnd() {
        everyPointLeadsToTheSameEnd(last());
    }

    @Test
    void aRunThatEndsWithinAnEpochLeadsToTheSameEndFromEveryPoint() {
        RunLength length = RunLength.ofSteps(STEPS * EPOCHS - 1, STEPS);
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(Event.thaw(EPOCHS - 1, List.of("bottom"), OptimizerStateOnThaw.KEEP)
                        .atStep(STEPS - 1)));
        Story story = everyPointLeadsToTheSameEnd(last(), policy, length);
        assertThat(story.lines).noneMatch(line -> line.startsWith("step "));
        Everything kept = new Everything(new Story(), -1);
        loop(manifest(), policy, last(), new Story(), length).run(kept);
        assertThat(kept.points.get(kept.points.size() - 1).stepsDone()).isEqualTo(length.steps());
    }

    @Test
    void groupsThatMoveBetweenTwoStepsDoSoFromEveryPoint() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(
                        Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.KEEP)
                                .atStep(2),
                        Event.freeze(2, List.of("bottom")).atStep(1)));
        Story story = everyPointLeadsToTheSameEnd(last(), policy);
        assertThat(story.lines.stream().filter(line -> line.startsWith("step ")))
                .hasSize(2)
                .satisfiesExactly(
                        thaw -> assertThat(thaw).startsWith("step 2 of epoch 1 Transition[group=bottom, from=DORMANT"),
                        freeze ->
                                assertThat(freeze).startsWith("step 1 of epoch 2 Transition[group=bottom, from=LIVE"));
    }

    @Test
    void lisaDrawsTheSameFromEveryPoint() {
        Lisa.Draw draw = new Lisa.Draw(1, 2, new TreeMap<>());
        Lisa policy = new Lisa(List.of(), List.of("top", "bottom"), draw, OptimizerStateOnThaw.FRESH, 3);
        Story story = everyPointLeadsToTheSameEnd(last(), policy);
        assertThat(story.lines).anyMatch(line -> line.startsWith("step "));
    }

    @Test
    void plateauRestoresTheSameEpochFromEveryPoint() {
        ThawOnPlateau policy = new ThawOnPlateau(
                List.of("top"),
                List.of("top", "bottom"),
                new ThawOnPlateau.Watch("accuracy", 0, 1),
                new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                true);
        Story story = everyPointLeadsToTheSameEnd(last(), policy);
        assertThat(story.lines).contains("epoch 4 restored 2");
    }

    @Test
    void plateauEndsTheRunInTheSameEpochFromEveryPoint() {
        ThawOnPlateau policy = new ThawOnPlateau(
                List.of("top"),
                List.of("top"),
                new ThawOnPlateau.Watch("accuracy", 0, 1),
                new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                false);
        Story story = everyPointLeadsToTheSameEnd(last(), policy);
        assertThat(story.lines.get(story.lines.size() - 1)).startsWith("epoch 4 stopped plateau: ");
    }

    @Test
    void autofreezeFreezesTheSameGroupsFromEveryPoint() {
        AutoFreeze policy = new AutoFreeze(List.of("top", "bottom"), List.of("top", "bottom"), 100, 1);
        everyPointLeadsToTheSameEnd(last(), policy);
    }

    @Test
    void theBestEpochIsTheSameFromEveryPoint() {
        everyPointLeadsToTheSameEnd(new StoppingCriteria(EPOCHS, "accuracy", true, OptionalInt.empty()));
    }

    @Test
    void patienceEndsTheRunInTheSameEpochFromEveryPoint() {
        StoppingCriteria early = new StoppingCriteria(EPOCHS, "accuracy", true, OptionalInt.of(1));
        everyPointLeadsToTheSameEnd(early);
        Story story = new Story();
        Everything kept = new Everything(story, -1);
        assertThat(loop(manifest(), POLICY, early, story).run(kept).epoch()).isEqualTo(2);
        TrainingCheckpoint end = kept.points.get(kept.points.size() - 1);
        assertThat(end.epochsDone()).isEqualTo(4);
        assertThat(early.reached(end.seen())).isTrue();
    }

    @Test
    void aRunThatBreaksAtAPointGoesOnFromTheOneBefore() {
        Story whole = new Story();
        Result result = loop(manifest(), POLICY, last(), whole).run(checkpoint -> {});
        Story story = new Story();
        Everything broken = new Everything(story, 7);
        assertThatThrownBy(() -> loop(manifest(), POLICY, last(), story).run(broken))
                .hasMessage("the plug was pulled");
        Story rest = new Story();
        TrainingCheckpoint point = broken.points.get(6);
        Result end = loop(manifest(), POLICY, last(), rest).resume(point, checkpoint -> {});
        assertThat(end.adapter()).isEqualTo(result.adapter());
        assertThat(rest.lines).isEqualTo(whole.lines.subList(broken.told.get(6), whole.lines.size()));
    }

    /** Metrics decide about everything that they can decide about. */
    @Test
    void aRunWhoseValidationFailsGoesOnWithTheValidation() {
        ThawOnPlateau policy = new ThawOnPlateau(
                List.of("top"),
                List.of("top", "bottom"),
                new ThawOnPlateau.Watch("accuracy", 0, 1),
                new ThawOnPlateau.Phase(1, OptionalInt.empty()),
                true);
        StoppingCriteria ending = new StoppingCriteria(EPOCHS, "accuracy", true, OptionalInt.of(2));
        Story whole = new Story();
        Result result = loop(manifest(), policy, ending, whole).run(checkpoint -> {});
        for (int epoch = 0; epoch < result.epoch() + 2; epoch++) {
            int failing = epoch;
            EpochRunner broken = new Pulling() {
                @Override
                public SortedMap<String, Double> evaluate(EpochPlan plan, long stepsDone) {
                    if (plan.epoch() == failing) {
                        throw new IllegalStateException("validation failed");
                    }
                    return super.evaluate(plan, stepsDone);
                }
            };
            List<TrainingCheckpoint> points = new ArrayList<>();
            Story first = new Story();
            assertThatThrownBy(() -> loop(manifest(), policy, ending, first, WHOLE, broken)
                            .run(points::add))
                    .hasMessage("validation failed");
            TrainingCheckpoint last = points.get(points.size() - 1);
            assertThat(last.epochsDone()).isEqualTo(epoch);
            assertThat(last.progress().stepsDone()).isEqualTo(STEPS);
            Story rest = new Story();
            Result end = loop(manifest(), policy, ending, rest).resume(last, checkpoint -> {});
            assertThat(rest.lines.get(0)).as("no step is repeated").startsWith("EpochMetrics[epoch=" + epoch);
            first.lines.addAll(rest.lines);
            assertThat(first.lines).isEqualTo(whole.lines);
            assertThat(end.adapter()).isEqualTo(result.adapter());
            assertThat(end.epoch()).isEqualTo(result.epoch());
        }
    }

    /** Keeps the last point that was stored, and how much of the story it covers. */
    private static class LastPoint implements Checkpointer {
        private final Story story;
        private @Nullable TrainingCheckpoint point;
        private int told;

        LastPoint(Story story) {
            this.story = story;
        }

        @Override
        public Runnable remember(TrainingCheckpoint now) {
            int lines = story.lines.size();
            return () -> {
                point = now;
                told = lines;
            };
        }

        @Override
        public void reached(TrainingCheckpoint now) {
            remember(now).run();
        }
    }

    /** No step that the driver has is repeated, and no group moves twice. */
    @Test
    void aRunThatTheClusterEndsGoesOnFromItsLastStep() {
        EpochSchedule policy = new EpochSchedule(
                List.of("top"),
                List.of(
                        Event.thaw(1, List.of("bottom"), OptimizerStateOnThaw.FRESH)
                                .atStep(2),
                        Event.freeze(2, List.of("bottom")).atStep(1)));
        Story whole = new Story();
        Result result = loop(manifest(), policy, last(), whole).run(checkpoint -> {});
        for (long step = 1; step < WHOLE.steps(); step++) {
            Story story = new Story();
            LastPoint stored = new LastPoint(story);
            TrainingLoop broken = loop(manifest(), policy, last(), story, WHOLE, new Pulling(step));
            assertThatThrownBy(() -> broken.run(stored)).isInstanceOf(ClusterException.class);
            TrainingCheckpoint point = Objects.requireNonNull(stored.point);
            assertThat(point.stepsDone()).isEqualTo(step);

            Story rest = new Story();
            Result end = loop(manifest(), policy, last(), rest).resume(point, checkpoint -> {});
            List<String> lines = new ArrayList<>(story.lines.subList(0, stored.told));
            lines.addAll(rest.lines);
            assertThat(lines).as("broken in step %d", step).isEqualTo(whole.lines);
            assertThat(end.adapter()).isEqualTo(result.adapter());
        }
    }

    @Test
    void anErrorOfTheLastCheckpointDoesNotHideWhyTheRunEnded() {
        TrainingLoop broken = loop(manifest(), POLICY, last(), new Story(), WHOLE, new Pulling(1));
        assertThatThrownBy(() -> broken.run(checkpoint -> {
                    throw new IllegalStateException("the disk is full");
                }))
                .isInstanceOf(ClusterException.class)
                .satisfies(e -> assertThat(e.getSuppressed()).hasSize(1));
    }

    @Test
    void anAddedGroupIsAsIfItHadBeenThereFromTheStart() {
        LoraManifest large = manifest(group("middle", 5, 2));
        List<Event> events = new ArrayList<>(POLICY.events());
        events.add(Event.thaw(4, List.of("middle"), OptimizerStateOnThaw.KEEP));
        EpochSchedule policy = new EpochSchedule(POLICY.live(), events);
        for (boolean best : new boolean[] {false, true}) {
            StoppingCriteria ending = new StoppingCriteria(EPOCHS, "accuracy", best, OptionalInt.empty());
            Result fromStart = loop(large, policy, ending, new Story()).run(checkpoint -> {});
            Story story = new Story();
            Everything kept = new Everything(story, -1);
            loop(manifest(), POLICY, ending, story).run(kept);
            for (TrainingCheckpoint point : kept.points) {
                if (point.nextDecision() <= 4) {
                    Result added = loop(large, policy, ending, new Story()).resume(point, checkpoint -> {});
                    assertThat(added.adapter()).isEqualTo(fromStart.adapter());
                    assertThat(added.freeze()).isEqualTo(fromStart.freeze());
                }
            }
        }
    }

    @Test
    void aPointOfOtherDataIsRefused() {
        Story story = new Story();
        Everything kept = new Everything(story, -1);
        loop(manifest(), POLICY, last(), story).run(kept);
        TrainingCheckpoint p = kept.points.get(5);
        TrainingCheckpoint other =
                new TrainingCheckpoint(p.state(), p.seen(), p.progress(), p.stepsDone() + 1, p.earlier());
        assertThatThrownBy(() -> loop(manifest(), POLICY, last(), new Story()).resume(other, checkpoint -> {}))
                .hasMessageContaining("1 epochs and 2 steps")
                .hasMessageContaining("6 steps in all")
                .hasMessageContaining("3 steps now");
    }
}
