package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseClock;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.EpochRows;
import org.sparklora.worker.data.Padding;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.train.ShardPass;

/**
 * The broadcast of one epoch: the run's constants and the epoch's plan, with manifest, freeze state and adapter.
 *
 * <p>One object per JVM holds the value, so what is worked out from it (the order of each shard's rows) is kept in it,
 * outside its serialised form. Safe from any thread.
 */
public final class EpochContext implements Serializable {

    private static final long serialVersionUID = 1L;

    private final RunContext run;
    private final EpochPlan plan;
    private transient @Nullable ShardPass pass;
    private transient @Nullable Map<Integer, EpochRows> rows;

    /** The broadcast's value; see the class. */
    public EpochContext(RunContext run, EpochPlan plan) {
        this.run = run;
        this.plan = plan;
    }

    /** Manifest, freeze state, adapter and cache of this epoch. */
    public EpochPlan plan() {
        return plan;
    }

    /** What stays the same over the run. */
    public RunContext run() {
        return run;
    }

    /** The base model, shared by all tasks of this JVM. */
    BaseModel base() {
        return BaseModel.shared(HostModels.directory(run.model()), run.head().headInput());
    }

    /** One shard's part of a step, its rows in {@code gradient_accumulation_steps} pieces. */
    ShardSum sum(CachedShard shard, int step, float[] live, PhaseClock clock) {
        List<Batch> pieces = rows(shard.rows()).pieces(step, run.settings().accumulation()).stream()
                .map(positions -> batch(shard, positions))
                .toList();
        clock.lap(Phase.DATA);
        return pass().sum(live, new ShardPass.Place(step, shard.index()), pieces, clock);
    }

    /** The padding of a shard's part of the epoch. */
    public Padding padding(Shard shard) {
        return rows(shard).padding(run.settings().accumulation());
    }

    /** The rows of a shard at some positions, with what is kept of them. */
    Batch batch(CachedShard shard, int[] positions) {
        return Batch.of(
                shard.rows().examples(positions),
                run.padTokenId(),
                shard.at(positions).orElse(null));
    }

    private synchronized ShardPass pass() {
        if (pass == null) {
            pass = new ShardPass(base(), run.head(), run.settings(), plan);
        }
        return pass;
    }

    private synchronized EpochRows rows(Shard shard) {
        if (rows == null) {
            rows = new HashMap<>();
        }
        return rows.computeIfAbsent(shard.index(), index -> shard.epoch(run.order(), plan.shards(), plan.epoch()));
    }
}
