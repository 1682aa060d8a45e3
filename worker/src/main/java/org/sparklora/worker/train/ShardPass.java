package org.sparklora.worker.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.util.List;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.contract.Phase;
import org.sparklora.worker.contract.PhaseClock;
import org.sparklora.worker.contract.ShardSum;
import org.sparklora.worker.contract.StepSettings;
import org.sparklora.worker.data.Batch;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.ForwardPass;
import org.sparklora.worker.encoder.Tokens;
import org.sparklora.worker.engine.Autograd;
import org.sparklora.worker.engine.KeyedDropout;
import org.sparklora.worker.engine.Tensors;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.train.GradientLayout.Slot;

/**
 * Forward and backward of one shard's part of one optimizer step.
 *
 * <p>Everything below the lowest live stage runs without gradient and without dropout, or is taken from the activation
 * cache; backward never enters it. Safe
 * from any thread: each call works in a manager of its own.
 */
public final class ShardPass {

    private final BaseModel base;
    private final TaskHead head;
    private final StepSettings settings;
    private final EpochPlan plan;
    private final GradientLayout layout;
    private final int firstLiveStage;

    /** Passes of one plan; it is read once, and what is the same for every step is worked out here. */
    public ShardPass(BaseModel base, TaskHead head, StepSettings settings, EpochPlan plan) {
        this.base = base;
        this.head = head;
        this.settings = settings;
        this.plan = plan;
        this.layout = GradientLayout.of(plan.manifest(), plan.freeze());
        this.firstLiveStage = layout.lowestStage(base.encoder());
    }

    /** Where the live tensors lie in the sum's gradient. */
    public GradientLayout layout() {
        return layout;
    }

    /** Step of the epoch, and number of the shard: what dropout hangs on. */
    public record Place(int step, int shard) {}

    /**
     * Sums over the pieces of a shard's rows; zeros when there are none.
     *
     * @param live values of the live tensors, flat, as {@link #layout} has them
     * @param step step of the epoch, from 0
     * @param shard its number, which names the dropout masks
     */
    public ShardSum sum(float[] live, int step, int shard, List<Batch> pieces) {
        return sum(live, new Place(step, shard), pieces, new PhaseClock());
    }

    /** The same, with the time that prefix, forward and backward take. */
    public ShardSum sum(float[] live, Place at, List<Batch> pieces, PhaseClock clock) {
        ShardSum sum = new ShardSum(0, 0, 0, new float[layout.size()]);
        AdapterSnapshot values = plan.snapshot().with(layout.unflatten(live));
        for (int piece = 0; piece < pieces.size(); piece++) {
            KeyedDropout dropout = KeyedDropout.training(settings.seed(), plan.epoch(), at.step(), at.shard(), piece);
            sum.add(sum(values, dropout, pieces.get(piece), clock));
        }
        return sum;
    }

    private ShardSum sum(AdapterSnapshot values, KeyedDropout dropout, Batch batch, PhaseClock clock) {
        Torch.prepareThread();
        try (NDManager manager = Torch.newManager()) {
            AdaptedModel model = new AdaptedModel(
                    manager, base, head, new AdaptedModel.GroupView(plan.manifest(), plan.freeze()), values, true);
            Tokens tokens = Tokens.of(manager, batch);
            clock.lap(Phase.FORWARD);
            NDArray x = model.entering(firstLiveStage, batch, tokens, plan.cache());
            clock.lap(Phase.PREFIX);

            float[] gradient = new float[layout.size()];
            double loss;
            try (Autograd recording = Autograd.record()) {
                ForwardPass pass = new ForwardPass(model, dropout, settings.dropout());
                NDArray read = model.stages(firstLiveStage, base.encoder().stages(), pass, x, tokens);
                NDArray logits = base.encoder().head().logits(pass, read);
                NDArray sum = head.lossSum(logits, batch.labels(), batch.weights(), settings.labelSmoothing());
                clock.lap(Phase.FORWARD);
                recording.backward(sum);
                loss = Tensors.toFloats(sum)[0];
            }
            for (Slot slot : layout.slots()) {
                Autograd.addGradient(model.adapters().tensor(slot.tensor().name()), gradient, slot.offset());
            }
            clock.lap(Phase.BACKWARD);
            double weight = head.weight(batch.labels(), batch.weights());
            return new ShardSum(loss, weight, batch.rows(), gradient);
        }
    }
}
