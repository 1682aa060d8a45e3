package org.sparklora.driver.job.sizing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.plan.RunPlan.EpochLoad;
import org.sparklora.driver.job.sizing.RunTime.Exchange;
import org.sparklora.driver.job.sizing.RunTime.Seconds;

/** Times worked out by hand. */
class RunTimeTest {

    /** 1e9 operations a second and core, equal executors; 1 MB/s and hops of 1 ms; Spark in round numbers. */
    private static final Speeds SPEEDS =
            new Speeds(1e9, 0, new Speeds.Network(1e6, 0.001), new Speeds.Spark(0.01, 0.002, 1, 20));

    /** Ten steps of 8e9 operations and 1 kB, in 8 shards; 16e9 operations to keep, 4e9 to validate. */
    private static final EpochLoad EPOCH = new EpochLoad(List.of(new EpochLoad.Part(10, 8e9, 1000)), 16e9, 4e9);

    private static Seconds on(Cluster cluster, Exchange exchange) {
        return new RunTime(List.of(EPOCH), 8, SPEEDS).on(cluster, exchange);
    }

    @Test
    void oneTaskDoesEverythingAndExchangesNothing() {
        Seconds one = on(Cluster.of(1, 1), Exchange.PEER);
        assertThat(one.computing()).isCloseTo(80, within(1e-9));
        assertThat(one.exchange()).isZero();
        assertThat(one.caching()).isCloseTo(16, within(1e-9));
        assertThat(one.validation()).isCloseTo(4, within(1e-9));
        // Start, an epoch, and 80 s of segments.
        assertThat(one.spark()).isCloseTo(20 + 1 + 80 / 60.0 * 0.01, within(1e-9));
        assertThat(one.total()).isCloseTo(121.0133, within(1e-4));
        assertThat(one.executorHours(Cluster.of(1, 1))).isCloseTo(one.total() / 3600, within(1e-12));
    }

    @Test
    void peersShareTheChunksOfATree() {
        // Four ranks: two levels up, two down, and three quarters of a gradient each way, of 1 ms.
        Seconds four = on(Cluster.of(4, 1), Exchange.PEER);
        assertThat(four.computing()).isCloseTo(20, within(1e-9));
        assertThat(four.exchange()).isCloseTo(10 * (4 * 0.001 + 1.5 * 0.001), within(1e-9));
        assertThat(four.spark()).isCloseTo(20 + 1 + 0.01 + 3 * 0.002, within(1e-9));
        // The same four on two executors share their wires.
        assertThat(on(Cluster.of(2, 2), Exchange.PEER).exchange())
                .isCloseTo(10 * (4 * 0.001 + 2 * 1.5 * 0.001), within(1e-9));
    }

    @Test
    void theDriverStartsEveryTaskAndTakesEveryGradient() {
        Seconds four = on(Cluster.of(4, 1), Exchange.DRIVER);
        assertThat(four.exchange()).isCloseTo(10 * (0.01 + 3 * 0.002 + (4 + 3) * 0.001), within(1e-9));
        assertThat(four.spark()).isCloseTo(21, within(1e-9));
    }

    @Test
    void executorsAddWhatIsTooLargeForTheDriver() {
        EpochLoad large = new EpochLoad(List.of(new EpochLoad.Part(1, 0, 10_000_000)), 0, 0);
        // Eight gradients of 10 s: 11 more tasks, and the driver receives one; four executors with two tasks each.
        assertThat(new RunTime(List.of(large), 8, SPEEDS)
                        .on(Cluster.of(4, 2), Exchange.DRIVER)
                        .exchange())
                .isCloseTo(0.01 + 18 * 0.002 + (1 + 2 + 3) * 10, within(1e-9));
        // Four gradients go to the driver.
        assertThat(new RunTime(List.of(large), 8, SPEEDS)
                        .on(Cluster.of(4, 1), Exchange.DRIVER)
                        .exchange())
                .isCloseTo(0.01 + 3 * 0.002 + (4 + 3) * 10, within(1e-9));
    }

    @Test
    void shardsAreTheMostThatHelpAndGoWholeToTasks() {
        assertThat(on(Cluster.of(1000, 1), Exchange.PEER)).isEqualTo(on(Cluster.of(8, 1), Exchange.PEER));
        // Three tasks have 3, 3 and 2 of 8 shards.
        assertThat(on(Cluster.of(3, 1), Exchange.PEER).computing()).isCloseTo(30, within(1e-9));
    }

    @Test
    void tasksThatShareCoresShareTheirRate() {
        assertThat(on(new Cluster(4, 1, 0.5), Exchange.PEER).computing()).isCloseTo(40, within(1e-9));
        assertThat(on(new Cluster(4, 1, 2), Exchange.PEER).computing()).isCloseTo(20, within(1e-9));
    }

    @Test
    void theSlowestRankSetsThePace() {
        Speeds uneven = new Speeds(1e9, 0.1, SPEEDS.network(), SPEEDS.spark());
        RunTime run = new RunTime(List.of(EPOCH), 8, uneven);
        assertThat(run.on(Cluster.of(1, 1), Exchange.PEER).computing()).isCloseTo(80, within(1e-9));
        // √(2 ln 8) = 2.0393
        assertThat(run.on(Cluster.of(8, 1), Exchange.PEER).computing()).isCloseTo(12.0393, within(1e-4));
    }

    @Test
    void aClusterOfNothingIsRefused() {
        assertThatThrownBy(() -> new Cluster(0, 1, 1))
                .hasMessage(
                        "a cluster needs at least 1 executor, 1 task and a part of a core, but this has 0, 1 and 1.0");
    }
}
