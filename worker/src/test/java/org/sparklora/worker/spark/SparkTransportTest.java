package org.sparklora.worker.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.allreduce.AllReduceContract;
import org.sparklora.worker.allreduce.Mailbox;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.allreduce.Transport;
import org.sparklora.worker.allreduce.TreeAllReduce;

/** Ranks on Spark's transport over loopback: plain, authenticated and encrypted. */
class SparkTransportTest {

    private static final Duration DEADLINE = Duration.ofSeconds(20);

    private static SparkConf conf(String... settings) {
        SparkConf conf = new SparkConf(false).set("spark.app.id", "test");
        for (int i = 0; i < settings.length; i += 2) {
            conf.set(settings[i], settings[i + 1]);
        }
        return conf;
    }

    private static SparkTransport open(SparkConf conf, Mailbox mailbox) {
        SecurityManager security = new SecurityManager(
                conf, scala.Option.empty(), org.apache.spark.internal.config.package$.MODULE$.AUTH_SECRET_FILE());
        return new SparkTransport(conf, security, "127.0.0.1", mailbox);
    }

    private static List<Transport> connectAll(SparkConf conf, Mailbox[] mailboxes) {
        List<SparkTransport> links = new ArrayList<>();
        for (Mailbox mailbox : mailboxes) {
            links.add(open(conf, mailbox));
        }
        List<String> addresses = links.stream().map(SparkTransport::address).toList();
        links.forEach(l -> l.connect(addresses));
        return List.copyOf(links);
    }

    @Nested
    class Plain extends AllReduceContract {
        @Override
        protected List<Transport> connect(Mailbox[] mailboxes) {
            return connectAll(conf(), mailboxes);
        }
    }

    @Nested
    class Authenticated extends AllReduceContract {
        @Override
        protected List<Transport> connect(Mailbox[] mailboxes) {
            return connectAll(conf("spark.authenticate", "true", "spark.authenticate.secret", "s3cret"), mailboxes);
        }
    }

    @Nested
    class Encrypted extends AllReduceContract {
        @Override
        protected List<Transport> connect(Mailbox[] mailboxes) {
            return connectAll(
                    conf(
                            "spark.authenticate", "true",
                            "spark.authenticate.secret", "s3cret",
                            "spark.network.crypto.enabled", "true"),
                    mailboxes);
        }
    }

    private static Mailbox mailbox(int self) {
        return new Mailbox(1, 4, new RankMap(2, 2), self, 0);
    }

    @Test
    void aClientWithoutTheSecretIsTurnedAway() {
        SparkConf with = conf("spark.authenticate", "true", "spark.authenticate.secret", "s3cret");
        SparkConf wrong = conf("spark.authenticate", "true", "spark.authenticate.secret", "guess");
        Mailbox mine = mailbox(0);
        try (SparkTransport server = open(with, mine);
                SparkTransport stranger = open(wrong, mailbox(1))) {
            stranger.connect(List.of(server.address(), stranger.address()));
            assertThatThrownBy(() -> stranger.send(0, ByteBuffer.allocate(8)))
                    .isInstanceOf(PeerException.class)
                    .hasMessageStartingWith("rank 0 (127.0.0.1:");
        }
    }

    @Test
    void aClientThatDoesNotAuthenticateNeverReachesTheMailbox() {
        SparkConf with = conf("spark.authenticate", "true", "spark.authenticate.secret", "s3cret");
        Mailbox mine = mailbox(0);
        try (SparkTransport server = open(with, mine);
                SparkTransport stranger = open(conf(), mailbox(1))) {
            stranger.connect(List.of(server.address(), stranger.address()));
            CompletableFuture<Void> sent = stranger.send(0, ByteBuffer.allocate(8));
            // The bytes may leave before the server closes the connection; they must not arrive.
            assertThat(sent.handle((done, failure) -> failure == null || failure instanceof PeerException))
                    .succeedsWithin(DEADLINE)
                    .isEqualTo(true);
            // Garbage that had reached the mailbox would have ended the stage with a protocol error.
            assertThat(mine.problem()).isEmpty();
        }
    }

    /** Several tasks of a host share a range of ports. */
    @Test
    void ranksOfAHostListenOnThePortsFromTheGivenOneOn() throws IOException {
        int first = freePort();
        SparkConf conf = conf("spark.lora.port", String.valueOf(first), "spark.port.maxRetries", "20");
        try (SparkTransport one = open(conf, mailbox(0));
                SparkTransport two = open(conf, mailbox(1))) {
            assertThat(port(one)).isBetween(first, first + 20);
            assertThat(port(two)).isBetween(port(one) + 1, first + 20);
        }
    }

    @Test
    void aHostWithoutAFreePortIsNamed() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = String.valueOf(taken.getLocalPort());
            SparkConf conf = conf("spark.lora.port", port, "spark.port.maxRetries", "0");
            assertThatThrownBy(() -> open(conf, mailbox(0)))
                    .isInstanceOf(PeerException.class)
                    .hasMessageContainingAll("127.0.0.1", "from " + port, "spark.lora.port", "spark.port.maxRetries");
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return Math.min(free.getLocalPort(), 65_000);
        }
    }

    private static int port(SparkTransport transport) {
        return Integer.parseInt(transport.address().substring("127.0.0.1:".length()));
    }

    /** The network threads answer for a rank that computes. */
    @Test
    void aRankAnswersOverTheConnectionOfTheRankThatAsks() {
        Mailbox asking = mailbox(0);
        Mailbox computing = mailbox(1);
        try (SparkTransport zero = open(conf(), asking);
                SparkTransport one = open(conf(), computing)) {
            List<String> addresses = List.of(zero.address(), one.address());
            zero.connect(addresses);
            one.connect(addresses);
            TreeAllReduce reduce = new TreeAllReduce(1, 4, new RankMap(2, 2), 0, asking, zero, DEADLINE);
            // Rank 1 is at the step that rank 0 has after no step, so an answer ends the wait.
            reduce.finish();
        }
    }

    @Test
    void aRankThatIsNotThereIsNamed() {
        try (SparkTransport lonely = open(conf(), mailbox(0))) {
            lonely.connect(List.of(lonely.address(), "127.0.0.1:1"));
            assertThatThrownBy(() -> lonely.send(1, ByteBuffer.allocate(8)))
                    .hasMessageStartingWith("rank 1 (127.0.0.1:1) cannot be reached");
        }
    }
}
