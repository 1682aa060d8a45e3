package org.sparklora.driver.run.loop;

import java.util.List;
import java.util.function.Consumer;
import org.sparklora.worker.contract.EpochPlan;
import org.sparklora.worker.train.GradientExchange;
import org.sparklora.worker.train.OptimizerSettings;
import org.sparklora.worker.train.StepReport;
import org.sparklora.worker.train.TrainState;
import org.sparklora.worker.train.TrainStep;

/** An epoch whose steps run in this thread, with gradients from a test. */
final class StepByStep implements EpochRunner.Epoch {

    private final TrainStep step;
    private final GradientExchange exchange;
    private final Runnable closed;

    StepByStep(
            EpochPlan plan, TrainState state, OptimizerSettings optimizer, GradientExchange exchange, Runnable closed) {
        this.step = new TrainStep(state, plan.freezePlan(), optimizer);
        this.exchange = exchange;
        this.closed = closed;
    }

    @Override
    public int run(int from, int to, long firstGlobal, Consumer<List<StepReport>> done) {
        for (int k = from; k < to; k++) {
            done.accept(List.of(step.run(firstGlobal + k, k, exchange)));
        }
        return to;
    }

    @Override
    public void close() {
        closed.run();
    }
}
