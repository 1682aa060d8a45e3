package org.sparklora.driver.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkEnv;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.spark.Meeting;
import org.sparklora.worker.spark.Meeting.Arrival;

/** Ranks that meet over a real Spark's RPC. */
class MeetingPlaceTest {

    private static final Duration LONG = Duration.ofSeconds(60);

    private final ExecutorService ranks = Executors.newCachedThreadPool();
    private SparkSession session;

    @BeforeEach
    void open() {
        session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .getOrCreate();
    }

    @AfterEach
    void close() {
        ranks.shutdownNow();
        session.close();
    }

    private CompletableFuture<List<String>> comes(Meeting meeting, String stage, int rank, int of, String address) {
        SparkEnv env = SparkEnv.get();
        return CompletableFuture.supplyAsync(() -> meeting.meet(env, new Arrival(stage, rank, of, address)), ranks);
    }

    @Test
    void everyRankLearnsAllAddressesByRankOnceTheLastIsThere() {
        try (MeetingPlace place = new MeetingPlace(LONG)) {
            var third = comes(place.meeting(), "7/0", 2, 3, "host-c:3");
            var first = comes(place.meeting(), "7/0", 0, 3, "host-a:1");
            var another = comes(place.meeting(), "7/1", 0, 1, "host-a:9");
            assertThat(another).succeedsWithin(LONG).isEqualTo(List.of("host-a:9"));
            assertThat(first).isNotDone();
            assertThat(third).isNotDone();
            var second = comes(place.meeting(), "7/0", 1, 3, "host-b:2");
            for (var rank : List.of(first, second, third)) {
                assertThat(rank).succeedsWithin(LONG).isEqualTo(List.of("host-a:1", "host-b:2", "host-c:3"));
            }
        }
    }

    @Test
    void aRankThatComesAgainCountsOnceAndIsWhereItCameFromLast() throws Exception {
        try (MeetingPlace place = new MeetingPlace(LONG)) {
            Meeting impatient = new Meeting(place.meeting().place(), Duration.ofMillis(1));
            var gone = comes(impatient, "7/0", 1, 2, "host-b:2");
            assertThat(gone).failsWithin(60, TimeUnit.SECONDS);
            // In order, so that the second time is the later one.
            var again = comes(place.meeting(), "7/0", 1, 2, "host-d:4");
            var first = comes(place.meeting(), "7/0", 0, 2, "host-a:1");
            assertThat(again).succeedsWithin(LONG).isEqualTo(List.of("host-a:1", "host-d:4"));
            assertThat(first).succeedsWithin(LONG).isEqualTo(List.of("host-a:1", "host-d:4"));
        }
    }

    @Test
    void whoWaitsInVainSaysWhoItIsAndWhichSettingEndedIt() {
        try (MeetingPlace place = new MeetingPlace(Duration.ofMillis(50))) {
            assertThatThrownBy(() -> place.meeting().meet(SparkEnv.get(), new Arrival("7/0", 1, 2, "host-b:2")))
                    .isInstanceOf(PeerException.class)
                    .hasMessage("rank 1 (host-b:2) met no other within 0.05 s (spark.barrier.sync.timeout)");
        }
    }

    @Test
    void aPlaceThatIsClosedIsSaidToBe() {
        Meeting meeting;
        try (MeetingPlace place = new MeetingPlace(LONG)) {
            meeting = place.meeting();
        }
        assertThatThrownBy(() -> meeting.meet(SparkEnv.get(), new Arrival("7/0", 1, 2, "host-b:2")))
                .isInstanceOf(PeerException.class)
                .hasMessageStartingWith("rank 1 (host-b:2) cannot meet the others at the driver: ");
    }
}
