package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.cluster.Retries.RunStep;
import org.sparklora.driver.run.loop.CancelledException;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.driver.run.loop.LostExecutor.RunPhase;
import org.sparklora.driver.run.loop.RunListener;

class RankCountTest {

    private static final RunStep AT = new RunStep(RunPhase.TRAINING, 2, 40);
    private static final int TIMEOUT = 600;

    private static final SparkEpochRunner.Patience PATIENCE =
            new SparkEpochRunner.Patience(Duration.ofSeconds(TIMEOUT), OptionalInt.empty());

    private final List<String> told = new ArrayList<>();
    private final RunListener listener = new RunListener() {
        @Override
        public void waits(int epoch, long step, int slots, int wanted) {
            told.add("waits at " + epoch + "/" + step + ": " + slots + " of " + wanted);
        }

        @Override
        public void waited(int epoch, long step, int slots, int wanted, double seconds) {
            told.add(slots + " of " + wanted + " after " + Math.round(seconds) + " s");
        }
    };

    /** A cluster whose slots change by the second. */
    private static final class Script implements RankCount.Cluster {
        private final Deque<Integer> later = new ArrayDeque<>();
        private boolean awaited = true;
        private boolean interrupted;
        private int slots;
        private long seconds;

        @Override
        public int slots() {
            return slots;
        }

        @Override
        public int slotsOf(int executors) {
            return 2 * executors;
        }

        @Override
        public boolean isAwaited() {
            return awaited;
        }

        @Override
        public long millis() {
            return seconds * 1000;
        }

        @Override
        public boolean pause() {
            seconds++;
            slots = later.isEmpty() ? slots : later.remove();
            return !interrupted;
        }
    }

    private final Script cluster = new Script();
    private final RankCount count = new RankCount(cluster, 16, PATIENCE, listener);

    private int next(int slots, Integer... later) {
        cluster.slots = slots;
        cluster.later.clear();
        cluster.later.addAll(List.of(later));
        int ranks = count.next(AT);
        count.succeeded(ranks);
        return ranks;
    }

    @Test
    void aRankHasASlotAndAShard() {
        assertThat(next(8)).isEqualTo(8);
        assertThat(new RankCount(cluster, 4, PATIENCE, listener).next(AT)).isEqualTo(4);
    }

    @Test
    void halfOfTheRanksGoOnWithoutAWait() {
        next(8);
        assertThat(next(4)).isEqualTo(4);
        assertThat(told).isEmpty();
    }

    @Test
    void fewerWaitUntilHalfAreBack() {
        next(8);
        assertThat(next(0, 0, 1, 3, 5, 8)).isEqualTo(5);
        assertThat(told).containsExactly("waits at 2/40: 0 of 4", "5 of 4 after 4 s");
    }

    @Test
    void theFirstJobWaitsForOneSlot() {
        assertThat(next(0, 0, 2)).isEqualTo(2);
        assertThat(told).containsExactly("waits at 2/40: 0 of 1", "2 of 1 after 2 s");
    }

    @Test
    void afterTheTimeoutTheRunGoesOnWithWhatIsThereAndDoesNotWaitForItAgain() {
        next(8);
        assertThat(next(3)).isEqualTo(3);
        assertThat(next(3)).isEqualTo(3);
        assertThat(next(2)).isEqualTo(2);
        assertThat(told).containsExactly("waits at 2/40: 3 of 4", "3 of 4 after 600 s");
    }

    @Test
    void withoutAnyExecutorTheRunEnds() {
        next(8);
        assertThatThrownBy(() -> next(0))
                .isInstanceOf(ClusterException.class)
                .hasMessageContaining("[cluster.executors.timeout]")
                .hasMessageContaining("step 40 of epoch 2")
                .hasMessageContaining("600 s")
                .hasMessageContaining("--resume");
    }

    @Test
    void anInterruptCancelsTheRun() {
        cluster.interrupted = true;
        assertThatThrownBy(() -> next(0)).isInstanceOf(CancelledException.class).hasMessageContaining("--resume");
    }

    @Test
    void aClusterThatGrowsIsBelievedTheSecondTime() {
        next(4);
        assertThat(next(8)).isEqualTo(4);
        assertThat(next(6)).isEqualTo(6);
        assertThat(next(8)).isEqualTo(6);
        assertThat(next(8)).isEqualTo(8);
    }

    @Test
    void aFlappingClusterKeepsItsRanks() {
        next(4);
        assertThat(IntStream.range(0, 10).map(i -> i % 2 == 0 ? 8 : 4).map(this::next))
                .containsOnly(4);
    }

    @Test
    void failedAttemptsDoNotLowerWhatIsWaitedFor() {
        next(8);
        cluster.slots = 4;
        assertThat(count.next(AT)).isEqualTo(4);
        assertThat(next(2, 4)).isEqualTo(4);
        assertThat(told).hasSize(2);
    }

    @Test
    void aMinimumOfExecutorsIsWaitedForOnceUntilItIsThereAgain() {
        RankCount wantsThree = new RankCount(
                cluster, 16, new SparkEpochRunner.Patience(Duration.ofSeconds(TIMEOUT), OptionalInt.of(3)), listener);
        cluster.slots = 4;
        assertThat(wantsThree.next(AT)).isEqualTo(4);
        assertThat(wantsThree.next(AT)).isEqualTo(4);
        assertThat(told).containsExactly("waits at 2/40: 4 of 6", "4 of 6 after 600 s");
        cluster.slots = 6;
        assertThat(wantsThree.next(AT)).isEqualTo(4);
        cluster.slots = 2;
        cluster.later.add(6);
        assertThat(wantsThree.next(AT)).isEqualTo(6);
        assertThat(told).hasSize(4).endsWith("6 of 6 after 1 s");
    }

    @Test
    void localMastersAndDynamicAllocationNeverWait() {
        cluster.awaited = false;
        assertThat(next(8)).isEqualTo(8);
        assertThat(next(0)).isEqualTo(1);
        assertThat(next(8)).isEqualTo(8);
        assertThat(count.maySubmitAgain()).isFalse();
        assertThat(told).isEmpty();
    }

    @Test
    void aRefusedJobIsSubmittedAgainUntilTheTimeout() {
        next(8);
        assertThat(count.maySubmitAgain()).isTrue();
        cluster.seconds += TIMEOUT - 1;
        assertThat(count.maySubmitAgain()).isTrue();
        cluster.seconds++;
        assertThat(count.maySubmitAgain()).isFalse();
        next(8);
        assertThat(count.maySubmitAgain()).isTrue();
    }
}
