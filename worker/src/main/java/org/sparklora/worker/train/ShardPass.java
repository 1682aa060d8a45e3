package org.sparklora.worker.train;

import ai.djl.ndarray.NDManager;
import java.util.List;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.FreezePlan.Slot;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseClock;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.engine.Variable;
import org.sparklora.worker.head.TaskHead;

/**
 * Forward and backward of one shard's part of one optimizer step.
 *
 * <p>The frozen trunk below the lowest trainable layer runs without gradient and without dropout, or its activations come
 * from the cache; backward never enters it. Safe from any thread: each call has its own NDManager.
 *
 * @param plan the epoch's plan
 */
public record ShardPass(BaseModel base, TaskHead head, StepSettings settings, EpochPlan plan) {

    /** Sums over the microbatches of a shard's rows, without measuring time. */
    public ShardSum sum(float[] trainable, int step, int shard, List<Batch> microbatches) {
        return sum(trainable, step, shard, microbatches, new PhaseClock());
    }

    /**
     * Sums loss and gradient over the microbatches of a shard's rows; zeros if there are none.
     *
     * @param trainable values of the trainable tensors, flat, in the order of the {@link EpochPlan#freezePlan}
     * @param step step of the epoch, from 0; with the shard's number and the microbatch's it keys the dropout masks
     * @param clock measures the time of trunk, forward and backward; the time up to now was that of the microbatches
     */
    public ShardSum sum(float[] trainable, int step, int shard, List<Batch> microbatches, PhaseClock clock) {
        clock.lap(Phase.DATA);
        ShardSum sum = ShardSum.zero(plan.freezePlan().trainableParameters());
        AdapterSnapshot values = plan.snapshot().with(plan.freezePlan().unflatten(trainable));
        for (int i = 0; i < microbatches.size(); i++) {
            KeyedDropout dropout = KeyedDropout.training(settings.seed(), plan.epoch(), step, shard, i);
            sum.add(sum(values, dropout, microbatches.get(i), clock));
        }
        return sum;
    }

    private ShardSum sum(AdapterSnapshot values, KeyedDropout dropout, Batch batch, PhaseClock clock) {
        Torch.prepareThread();
        int lowest = plan.freezePlan().lowestTrainableLayer();
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = new AdaptedModel(manager, base, head, plan.freezePlan(), values, true);
            Tokens tokens = Tokens.of(manager, batch);
            clock.lap(Phase.FORWARD);
            Variable x = model.trunkActivations(lowest, batch, tokens, plan.cache());
            clock.lap(Phase.TRUNK);

            float[] gradient = new float[plan.freezePlan().trainableParameters()];
            ForwardPass pass = new ForwardPass(model, dropout, settings.dropout());
            Variable logits = base.encoder().logits(lowest, pass, x, tokens);
            Variable sum = logits.traced(of -> head.lossSum(of, batch.labels(), batch.weights(), settings.loss()));
            clock.lap(Phase.FORWARD);
            model.graph().backward(sum);
            double loss = Tensors.toFloats(sum.array())[0];
            for (Slot slot : plan.freezePlan().slots()) {
                Variable leaf = model.adapters().tensor(slot.tensor().name());
                model.graph().addGradient(leaf, gradient, slot.offset());
            }
            clock.lap(Phase.BACKWARD);
            base.requireUnchanged();
            double weight = head.weight(batch.labels(), batch.weights(), settings.loss());
            return new ShardSum(loss, weight, batch.rows(), batch.padding(), gradient);
        }
    }
}
