package org.sparklora.driver.cluster;

import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.sparklora.driver.cluster.data.KeyRows.Dealt;
import org.sparklora.driver.run.loop.EpochRunner;
import org.sparklora.worker.contract.CachePlan;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.spark.CachedShard;
import org.sparklora.worker.spark.LocalEpoch;
import org.sparklora.worker.spark.RunContext;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStep;

/**
 * Runs the epochs of a small run in the thread of one task, without Spark. The bits are those that {@link SparkEpochRunner}
 * computes from the same shards, whatever its exchange: steps, sums and metrics are the same code. Trunk activations are cached
 * on the heap where the plan says so, until a plan has another digest.
 */
public final class LocalEpochRunner implements EpochRunner {

    private final BaseModel base;
    private final RunContext run;
    private final Metrics metrics;
    private final Rows training;
    private final Optional<Rows> validation;

    /** Shards with the activations of one plan. */
    private static final class Rows {

        private final Dealt dealt;
        private List<CachedShard> shards;
        private CachePlan cached = CachePlan.off("");

        Rows(Dealt dealt) {
            this.dealt = dealt;
            this.shards = uncached(dealt.shards());
        }

        List<CachedShard> prepared(LocalEpoch epoch, CachePlan plan) {
            if (!plan.digest().equals(cached.digest())) {
                // Free the old activations before the new ones are computed.
                shards = uncached(dealt.shards());
                shards = plan.isOn() ? epoch.cached(dealt.shards()) : shards;
                cached = plan;
            }
            return shards;
        }

        private static List<CachedShard> uncached(List<Shard> shards) {
            return shards.stream().map(CachedShard::of).toList();
        }
    }

    public LocalEpochRunner(
            BaseModel base, RunContext run, Metrics metrics, Dealt training, Optional<Dealt> validation) {
        this.base = base;
        this.run = run;
        this.metrics = metrics;
        this.training = new Rows(training);
        this.validation = validation.map(Rows::new);
    }

    @Override
    public Epoch open(EpochPlan plan, TrainState state, OptimizerSettings optimizer) {
        LocalEpoch local = new LocalEpoch(run, plan, base);
        List<CachedShard> shards = training.prepared(local, plan.cache());
        TrainStep step = new TrainStep(state, plan.freezePlan(), optimizer);
        return new Epoch() {
            @Override
            public int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done) {
                for (int k = from; k < to; k++) {
                    done.accept(List.of(step.run(firstGlobal + k, k, local.exchange(shards))));
                }
                return to;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public boolean validates() {
        return validation.isPresent();
    }

    @Override
    public SortedMap<String, Double> evaluate(EpochPlan plan, long stepsDone) {
        if (validation.isEmpty()) {
            return new TreeMap<>();
        }
        LocalEpoch local = new LocalEpoch(run, plan, base);
        List<CachedShard> shards = validation.get().prepared(local, plan.cache());
        return metrics.of(local.scores(shards, metrics.scores()), shards.size());
    }
}
