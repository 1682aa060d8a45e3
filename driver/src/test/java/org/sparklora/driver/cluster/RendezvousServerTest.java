package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkEnv;
import org.apache.spark.rpc.RpcTimeout;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.util.RpcUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.spark.Rendezvous;
import org.sparklora.worker.spark.Rendezvous.RankRegistration;
import scala.concurrent.Await;
import scala.concurrent.Future;
import scala.concurrent.duration.FiniteDuration;
import scala.reflect.ClassTag$;

/** Ranks that meet over a real Spark's RPC. */
class RendezvousServerTest {

    private static final Duration LONG = Duration.ofSeconds(60);

    private static final RpcTimeout PATIENCE =
            new RpcTimeout(FiniteDuration.apply(LONG.toSeconds(), TimeUnit.SECONDS), "of this test");

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
        session.stop();
    }

    private CompletableFuture<List<String>> joins(
            Rendezvous rendezvous, String session, int rank, int of, String address) {
        SparkEnv env = SparkEnv.get();
        return CompletableFuture.supplyAsync(
                () -> rendezvous.join(env, new RankRegistration(session, rank, of, address)), ranks);
    }

    @Test
    void everyRankLearnsAllAddressesOnceTheLastHasRegistered() {
        try (RendezvousServer server = new RendezvousServer(LONG)) {
            var third = joins(server.address(), "7/0", 2, 3, "host-c:3");
            var first = joins(server.address(), "7/0", 0, 3, "host-a:1");
            var another = joins(server.address(), "7/1", 0, 1, "host-a:9");
            assertThat(another).succeedsWithin(LONG).isEqualTo(List.of("host-a:9"));
            assertThat(first).isNotDone();
            assertThat(third).isNotDone();
            var second = joins(server.address(), "7/0", 1, 3, "host-b:2");
            for (var rank : List.of(first, second, third)) {
                assertThat(rank).succeedsWithin(LONG).isEqualTo(List.of("host-a:1", "host-b:2", "host-c:3"));
            }
        }
    }

    @Test
    void aRankThatRegistersAgainCountsOnceWithItsLastAddress() throws Exception {
        try (RendezvousServer server = new RendezvousServer(LONG)) {
            // Asked from one thread, whose messages arrive in the order in which it sends them.
            var gone = asks(server.address(), new RankRegistration("7/0", 1, 2, "host-b:2"));
            var again = asks(server.address(), new RankRegistration("7/0", 1, 2, "host-d:4"));
            var first = asks(server.address(), new RankRegistration("7/0", 0, 2, "host-a:1"));
            for (var rank : List.of(again, first)) {
                assertThat(Await.result(rank, PATIENCE.duration())).containsExactly("host-a:1", "host-d:4");
            }
            assertThat(gone.isCompleted()).isFalse();
        }
    }

    /** Sends the registration, and does not wait for the answer. */
    private static Future<String[]> asks(Rendezvous rendezvous, RankRegistration registration) {
        SparkEnv env = SparkEnv.get();
        return RpcUtils.makeDriverRef(rendezvous.endpoint(), env.conf(), env.rpcEnv())
                .ask(registration.message(), PATIENCE, ClassTag$.MODULE$.apply(String[].class));
    }

    @Test
    void aTimeoutNamesTheRankAndTheSetting() {
        try (RendezvousServer server = new RendezvousServer(Duration.ofMillis(50))) {
            assertThatThrownBy(
                            () -> server.address().join(SparkEnv.get(), new RankRegistration("7/0", 1, 2, "host-b:2")))
                    .isInstanceOf(PeerException.class)
                    .hasMessageContainingAll("rank 1 (host-b:2)", "0.05 s", "spark.barrier.sync.timeout");
        }
    }

    @Test
    void aClosedServerCannotBeReached() {
        Rendezvous rendezvous;
        try (RendezvousServer server = new RendezvousServer(LONG)) {
            rendezvous = server.address();
        }
        assertThatThrownBy(() -> rendezvous.join(SparkEnv.get(), new RankRegistration("7/0", 1, 2, "host-b:2")))
                .isInstanceOf(PeerException.class)
                .hasMessageContainingAll("rank 1 (host-b:2)", "driver");
    }
}
