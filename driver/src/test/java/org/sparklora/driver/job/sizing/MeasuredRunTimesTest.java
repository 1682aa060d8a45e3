package org.sparklora.driver.job.sizing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.job.plan.RunPlan.EpochLoad;
import org.sparklora.driver.job.sizing.RunTime.Exchange;
import org.sparklora.driver.job.sizing.RunTime.Seconds;

/**
 * Predictions beside runs that were measured: the starter encoder with every query and value live, 80 steps an epoch in 4
 * shards, local-cluster on two cores; medians of the last four of six epochs. docs/sizing.md has the command.
 */
class MeasuredRunTimesTest {

    /** As history.jsonl counts: operations of an epoch, and bytes of a gradient. */
    private static final double OPERATIONS = 450_579_289_600.0;

    private static final long BYTES = 199_188;

    /** What one executor took for forward, backward, batches and optimizer. */
    private static final double RATE = OPERATIONS / 8.85;

    private static final double WITHIN_PERCENT = 18;

    @ParameterizedTest
    @CsvSource({
        "PEER, 1, 9.06",
        "PEER, 2, 5.29",
        "PEER, 4, 6.47",
        "DRIVER, 1, 10.54",
        "DRIVER, 2, 7.52",
        "DRIVER, 4, 9.13"
    })
    void anEpochTakesAboutWhatTheModelSays(Exchange exchange, int executors, double measured) {
        Cluster cluster = new Cluster(executors, 1, Math.min(1, 2.0 / executors));
        Speeds typical = Speeds.ofCluster(RATE, 10);
        Speeds speeds = new Speeds(RATE, typical.spread(), typical.network(), typical.spark());
        EpochLoad epoch = new EpochLoad(List.of(new EpochLoad.Part(80, OPERATIONS / 80, BYTES)), 0, 0);
        Seconds predicted = new RunTime(List.of(epoch), 4, speeds).on(cluster, exchange);
        assertThat(predicted.total() - speeds.spark().startSeconds())
                .isCloseTo(measured, withinPercentage(WITHIN_PERCENT));
    }
}
