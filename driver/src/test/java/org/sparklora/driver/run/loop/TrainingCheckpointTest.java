package org.sparklora.driver.run.loop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.run.loop.TrainingCheckpoint.EpochProgress;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.train.StepReport;

class TrainingCheckpointTest {

    private static StepReport step(float loss, double weight) {
        return new StepReport(0, loss, new StepReport.Rows(4, weight, Padding.NONE), 1, new TreeMap<>());
    }

    @Test
    void theLossOfAnEpochWeighsStepsAsTheirLossWeighsRows() {
        EpochProgress epoch =
                EpochProgress.NONE.plus(step(2, 30)).plus(step(1, 10)).plus(step(0, 0));
        // Not 1.5, although each step has as many rows.
        assertThat(epoch.meanLoss()).isCloseTo(1.75, within(1e-12));
        assertThat(EpochProgress.NONE.plus(step(0, 0)).meanLoss()).isZero();
    }

    @Test
    void anEpochThat010BeganCountsItsStepsByTheirExamples() {
        ShardPlan plan = new ShardPlan(2, 4, 11, true);
        EpochProgress old = new EpochProgress(2, 8 * 3.0, 0, Padding.NONE, new TreeMap<>());
        EpochProgress epoch = old.weighed(plan).plus(step(1, 3));
        assertThat(epoch.meanLoss()).isCloseTo((8 * 3.0 + 3) / 11, within(1e-12));
        assertThat(epoch.weighed(plan)).isEqualTo(epoch);
    }
}
