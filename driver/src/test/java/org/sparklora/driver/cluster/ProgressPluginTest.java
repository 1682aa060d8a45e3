package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.run.loop.RunListener;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.spark.Shared;
import org.sparklora.worker.train.AdamW;
import org.sparklora.worker.train.LearningRateSchedule;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;

/** Segments on a real Spark, with and without the plugin. */
class ProgressPluginTest {

    private static final long SECONDS = 60;
    private static final int STEPS = 4;
    private static final long FIRST_GLOBAL = 10;

    private final BlockingQueue<StepProgress> told = new LinkedBlockingQueue<>();

    private final RunListener listener = new RunListener() {
        @Override
        public void underWay(int epoch, StepProgress step) {
            told.add(step);
        }

        @Override
        public void failed(int epoch, long step, int attempt, String message) {
            throw new AssertionError("step " + step + " failed: " + message);
        }

        @Override
        public void recovered(int epoch, long step, int ranks) {
            throw new AssertionError("step " + step + " recovered from a failure that nobody told of");
        }
    };

    private static SparkSession session(String plugins) {
        return SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.serializer", "org.apache.spark.serializer.JavaSerializer")
                .config("spark.plugins", plugins)
                .getOrCreate();
    }

    /** One segment of steps on two ranks. While its result is taken it can be waited for messages. */
    private List<StepReport> segment(SparkSession session, int messages, List<StepProgress> seen) {
        JavaSparkContext spark = JavaSparkContext.fromSparkContext(session.sparkContext());
        EpochContext context = HeadOnly.context(HeadOnly.MODEL, CachePlan.off("test"));
        Shared<EpochContext> broadcast = Shared.of(spark, context);
        TrainState state = new TrainState(
                context.plan().manifest(),
                context.plan().freeze(),
                context.plan().snapshot());
        OptimizerSettings optimizer = new OptimizerSettings(
                0.01,
                new LearningRateSchedule(LearningRateSchedule.Type.CONSTANT, 0, 100),
                new AdamW(0.9, 0.999, 1e-8, 0),
                OptionalDouble.empty());
        List<StepReport> reports = new ArrayList<>();
        ShardPlacement shards = ShardPlacement.byRank(spark, HeadOnly.shards(spark), 2);
        try (PeerExchange exchange = new PeerExchange(
                spark,
                shards,
                broadcast,
                state,
                optimizer,
                new Retries(
                        spark,
                        RankCount.of(
                                spark,
                                HeadOnly.SHARDS,
                                new SparkEpochRunner.Patience(Duration.ZERO, OptionalInt.empty()),
                                listener),
                        0,
                        listener,
                        LostExecutors.watch(spark.sc())),
                new SegmentLength(Clock.systemUTC()))) {
            exchange.run(0, STEPS, FIRST_GLOBAL, done -> {
                reports.addAll(done);
                for (int i = 0; i < messages; i++) {
                    seen.add(next());
                }
            });
        } finally {
            shards.close();
        }
        return reports;
    }

    private StepProgress next() {
        try {
            @Nullable StepProgress step = told.poll(SECONDS, TimeUnit.SECONDS);
            assertThat(step).as("a message within %d s", SECONDS).isNotNull();
            return step;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aSegmentTellsOfItsStepsOnceAndInOrderWhileItRuns() throws Exception {
        List<StepProgress> seen = new ArrayList<>();
        try (SparkSession session = session(ProgressPlugin.class.getName())) {
            List<StepReport> reports = segment(session, STEPS, seen);
            assertThat(reports).hasSize(STEPS);
            long examples = 0;
            for (int i = 0; i < STEPS; i++) {
                StepReport report = reports.get(i);
                examples += report.examples();
                StepProgress live = seen.get(i);
                assertThat(live.step()).isEqualTo(FIRST_GLOBAL + i).isEqualTo(report.step());
                assertThat(live.loss()).isEqualTo(report.loss());
                assertThat(live.gradNorm()).isEqualTo(report.gradNorm());
                assertThat(live.examples()).isEqualTo(examples);
            }
        }
        assertThat(told).as("from one rank only").isEmpty();
    }

    @Test
    void withoutThePluginTheResultIsTheSameAndNothingIsTold() throws Exception {
        List<StepProgress> seen = new ArrayList<>();
        List<StepReport> with;
        List<StepReport> without;
        try (SparkSession session = session(ProgressPlugin.class.getName())) {
            with = segment(session, STEPS, seen);
        }
        try (SparkSession session = session("")) {
            without = segment(session, 0, seen);
        }
        assertThat(without).isEqualTo(with);
        assertThat(told).isEmpty();
    }

    @Test
    void whatIsForNobodyIsDropped() throws Exception {
        var driver = new ProgressPlugin().driverPlugin();
        ProgressPlugin.listen("here", told::add);
        StepProgress step = new StepProgress("here", 3, 0.5f, 1.5f, 8);
        driver.receive(step.message());
        driver.receive(new StepProgress("elsewhere", 3, 0.5f, 1.5f, 8).message());
        driver.receive("not a step");
        ProgressPlugin.close("here");
        driver.receive(step.message());
        assertThat(told).containsExactly(step);
    }
}
