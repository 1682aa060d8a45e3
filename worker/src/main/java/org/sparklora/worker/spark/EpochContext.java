package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.data.EpochRows;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.machine.Machine;
import org.sparklora.worker.train.ShardPass;

/**
 * The broadcast of one epoch: the run's constants and the epoch's plan.
 *
 * <p>Each JVM has one instance, which also holds what is derived from it, such as the row order of each shard. Derived values
 * are not serialized. Thread-safe.
 */
public final class EpochContext implements Serializable {

    private static final long serialVersionUID = 1L;

    private final RunContext run;
    private final EpochPlan plan;
    private transient @Nullable BaseModel base;
    private transient @Nullable ShardPass pass;
    private transient @Nullable Map<Integer, EpochRows> rows;

    /** Creates the value to broadcast. */
    public EpochContext(RunContext run, EpochPlan plan) {
        this.run = run;
        this.plan = plan;
    }

    /** Creates the value for a task that has the base model already. */
    EpochContext(RunContext run, EpochPlan plan, BaseModel base) {
        this(run, plan);
        this.base = base;
    }

    /** Groups, freeze state, adapter values and cache of this epoch. */
    public EpochPlan plan() {
        return plan;
    }

    /** The constants of the run. */
    public RunContext run() {
        return run;
    }

    /** The base model, shared by all tasks of this JVM. */
    synchronized BaseModel base() {
        if (base == null) {
            HostException.requireInstructions(run.instructions(), Machine.instructions());
            base = BaseModel.shared(
                    HostModels.directory(run.model()),
                    run.modelSha256(),
                    run.head().headInput(),
                    run.arithmetic());
        }
        return base;
    }

    /** A shard's rows of a step, in {@code gradient_accumulation_steps} microbatches. */
    List<Batch> microbatches(CachedShard shard, int step) {
        return rows(shard.rows()).microbatches(step, run.settings().accumulation()).stream()
                .map(positions -> batch(shard, positions))
                .toList();
    }

    /** Returns rows of a shard with their cached activations, if there are any. */
    Batch batch(CachedShard shard, int[] positions) {
        return Batch.of(
                shard.rows().examples(positions),
                run.padTokenId(),
                shard.at(positions).orElse(null));
    }

    /** Computes with the base model and this epoch's adapters. */
    synchronized ShardPass pass() {
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
