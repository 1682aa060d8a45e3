package org.sparklora.worker.allreduce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.allreduce.Frame.ChunkKey;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

class MailboxTest {

    private static final Duration NOW = Duration.ZERO;
    private static final int FLOATS = 5;
    private static final RankMap RANKS = new RankMap(4, 2);

    private static final ChunkKey NODE_3 = new ChunkKey(Kind.UP, 20, 3, 0);

    private static void noAnswer(ByteBuffer answer) {
        throw new AssertionError("only a pulse that asks is answered");
    }

    private static Mailbox.Peer peer(String name, Duration deadline) {
        return new Mailbox.Peer(1, name, deadline, () -> {});
    }

    private final Mailbox mailbox = new Mailbox(7, FLOATS, RANKS, 0, 20);

    private static ShardSum sum() {
        return new ShardSum(1.5, 2, 3, Padding.NONE, new float[] {1, 2, 3, 4, 5});
    }

    private static ByteBuffer frame(long sessionId, long step, Kind kind, int sender, int node, ShardSum sum) {
        Chunks chunks = new Chunks(sum.gradient().length, RANKS.ranks());
        ChunkKey key = new ChunkKey(kind, step, node, 0);
        return Frame.encode(sessionId, sender, key, sum, chunks, ByteBuffer.allocate(Frame.bytes(chunks.size(0))));
    }

    private static ByteBuffer good() {
        return frame(7, 20, Kind.UP, 1, 3, sum());
    }

    private void refuses(ByteBuffer message, String... facts) {
        mailbox.put(message, MailboxTest::noAnswer);
        assertThatThrownBy(() -> mailbox.take(NODE_3, peer("host:1", NOW)))
                .isInstanceOf(PeerException.class)
                .hasMessageStartingWith("step 20: ")
                .hasMessageContainingAll(facts);
    }

    @Test
    void handsOutWhatArrived() {
        mailbox.put(good(), MailboxTest::noAnswer);
        ShardSum got = mailbox.take(NODE_3, peer("host:1", NOW));
        assertThat(got.gradient()).containsExactly(1, 2, 3, 4, 5);
        assertThat(got.loss()).isEqualTo(1.5);
        assertThat(got.weight()).isEqualTo(2.0);
        assertThat(got.examples()).isEqualTo(3);
    }

    @Test
    void refusesAWrongSize() {
        ByteBuffer larger = frame(7, 20, Kind.UP, 1, 3, new ShardSum(0, 0, 0, Padding.NONE, new float[6]));
        refuses(larger, "rank 1", "24 bytes", "20");
    }

    @Test
    void refusesAFrameOfAnotherSegment() {
        refuses(frame(8, 20, Kind.UP, 1, 3, sum()), "8 instead of 7");
    }

    @Test
    void refusesAWrongStep() {
        refuses(frame(7, 22, Kind.UP, 1, 3, sum()), "rank 1", "step 22");
    }

    @Test
    void refusesAnotherRanksNode() {
        refuses(frame(7, 20, Kind.UP, 1, 2, sum()), "rank 1", "UP node 2", "rank 0");
    }

    @Test
    void refusesAStrangersRank() {
        refuses(frame(7, 20, Kind.UP, 9, 3, sum()), "rank 9", "rank 0 of 2");
    }

    @Test
    void refusesTheSameNodeTwice() {
        mailbox.put(good(), MailboxTest::noAnswer);
        refuses(good(), "rank 1", "chunk 0 of node 3 of step 20");
    }

    @Test
    void namesTheRankThatIsSilent() {
        assertThatThrownBy(() -> mailbox.take(NODE_3, peer("host-a:4711", NOW)))
                .isInstanceOf(PeerException.class)
                .hasMessageContainingAll("step 20", "rank 1 (host-a:4711)", "0 ms", "its gradient", "nothing yet");
    }

    @Test
    void aLostRankEndsTheWaitingForItButWhatItSentCounts() {
        mailbox.put(good(), MailboxTest::noAnswer);
        mailbox.lost(1);
        assertThat(mailbox.take(NODE_3, peer("host-a:4711", NOW)).examples()).isEqualTo(3);
        assertThatThrownBy(() -> mailbox.take(NODE_3, peer("host-a:4711", Duration.ofMinutes(5))))
                .hasMessageContainingAll("step 20", "rank 1 (host-a:4711) is lost", "its gradient", "UP of step 20");
    }

    private static ByteBuffer pulse(boolean asks, long step, int shard) {
        return new Pulse(7, 1, asks, step, shard).encode();
    }

    @Test
    void aRankThatComputesIsAwaitedAsLongAsItAnswers() {
        int intervals = 5 * Mailbox.MAX_UNANSWERED;
        AtomicInteger asked = new AtomicInteger();
        Mailbox.Peer slow = new Mailbox.Peer(1, "host-a:4711", NOW, () -> {
            ByteBuffer answer = asked.incrementAndGet() < intervals ? pulse(false, 20, 3) : good();
            mailbox.put(answer, MailboxTest::noAnswer);
        });
        assertThat(mailbox.take(NODE_3, slow).examples()).isEqualTo(3);
        assertThat(asked).hasValue(intervals);
    }

    @Test
    void aRankThatNoLongerAnswersIsGivenUpAfterTheTimeLimit() {
        AtomicInteger asked = new AtomicInteger();
        Mailbox.Peer frozen = new Mailbox.Peer(1, "host-a:4711", NOW, () -> {
            if (asked.incrementAndGet() == 40) {
                mailbox.put(pulse(false, 20, 3), MailboxTest::noAnswer);
            } else if (asked.get() < 40 && asked.get() % 2 == 0) {
                mailbox.put(pulse(true, 20, Pulse.NONE), answer -> {});
            }
        });
        assertThatThrownBy(() -> mailbox.take(NODE_3, frozen)).hasMessageContaining("rank 1 (host-a:4711) is silent");
        assertThat(asked).hasValue(40 + Mailbox.MAX_UNANSWERED);
    }

    @Test
    void answersWhereItIsWhileItsOwnThreadComputes() {
        mailbox.computes(2);
        List<ByteBuffer> answers = new ArrayList<>();
        assertThat(mailbox.put(pulse(true, 20, Pulse.NONE), answers::add)).hasValue(1);
        assertThat(answers)
                .singleElement()
                .extracting(answer -> PeerMessage.decode(answer, new Chunks(FLOATS, RANKS.ranks())))
                .isEqualTo(new Pulse(7, 0, false, 20, 2));
        mailbox.put(pulse(false, 20, Pulse.NONE), answers::add);
        assertThat(answers).as("an answer is not answered").hasSize(1);
    }

    @Test
    void aSlowRankIsLoggedOnce() {
        List<String> logged = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord line) {
                logged.add(line.getMessage());
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger logger = Logger.getLogger(Mailbox.class.getName());
        logger.addHandler(handler);
        try {
            aRankThatComputesIsAwaitedAsLongAsItAnswers();
        } finally {
            logger.removeHandler(handler);
        }
        assertThat(logged)
                .containsExactly("rank 1 (host-a:4711) is slow: it computes shard 3 of step 20 while rank 0 waits");
    }

    @Test
    void aRankHasLeftWhenItHasAllTotals() {
        mailbox.put(pulse(false, 19, Pulse.NONE), MailboxTest::noAnswer);
        assertThatThrownBy(() -> mailbox.awaitDone(peer("host-a:4711", NOW))).isInstanceOf(PeerException.class);
        mailbox.put(pulse(false, 20, Pulse.NONE), MailboxTest::noAnswer);
        assertThatCode(() -> mailbox.awaitDone(peer("host-a:4711", NOW))).doesNotThrowAnyException();
    }

    @Test
    void waitsForARankToLeave() {
        assertThatThrownBy(() -> mailbox.awaitDone(peer("host-a:4711", NOW)))
                .isInstanceOf(PeerException.class)
                .hasMessageContainingAll("step 20", "rank 1 (host-a:4711)", "0 ms", "nothing yet");
        mailbox.lost(1);
        assertThatCode(() -> mailbox.awaitDone(peer("host-a:4711", NOW))).doesNotThrowAnyException();
    }

    @Test
    void aFailureEndsTheWaitingForARankToLeave() {
        mailbox.put(new Abort(7, 1, "step 20: rank 1 (host-a:4711) failed").encode(), MailboxTest::noAnswer);
        assertThatThrownBy(() -> mailbox.awaitDone(peer("host-a:4711", Duration.ofMinutes(5))))
                .hasMessage("step 20: rank 1 (host-a:4711) failed");
    }

    @Test
    void aFailureEndsTheWaiting() {
        mailbox.fail(new IllegalStateException("rank 1 (host-a:4711) is lost"));
        assertThatThrownBy(() -> mailbox.take(NODE_3, peer("host-a:4711", Duration.ofMinutes(5))))
                .hasMessage("step 20: rank 1 (host-a:4711) is lost");
    }

    @Test
    void aRankThatLeavesIsQuotedWithItsReason() {
        mailbox.put(new Abort(7, 1, "step 20: rank 3 (host-c:1) is lost").encode(), MailboxTest::noAnswer);
        assertThatThrownBy(() -> mailbox.take(NODE_3, peer("host-a:4711", Duration.ofMinutes(5))))
                .isInstanceOf(PeerException.class)
                .hasMessage("step 20: rank 3 (host-c:1) is lost");
    }

    /** Damage in the header that the checksum does not show: refused, or kept where nobody asks for it. */
    @Test
    void wrongHeadersWithTheRightChecksumAreNeverTakenForTheFrameThatIsDue() {
        Random random = new Random(12);
        byte[] original = new byte[good().remaining()];
        good().get(original);
        int header = PeerMessage.HEADER_BYTES + 16;
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = original.clone();
            int at = random.nextInt(header);
            bytes[at] = (byte) random.nextInt(256);
            if (bytes[at] == original[at]) {
                continue;
            }
            Mailbox fresh = new Mailbox(7, FLOATS, RANKS, 0, 20);
            ByteBuffer damaged = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            fresh.put(PeerMessage.seal(damaged.position(bytes.length - PeerMessage.CRC_BYTES)), answer -> {});
            assertThatThrownBy(() -> fresh.take(NODE_3, peer("host:1", NOW))).isInstanceOf(PeerException.class);
        }
    }

    /** No mutated frame hangs, runs out of memory or becomes a sum that was not sent. */
    @Test
    void oneHundredThousandMutatedFramesNeverBecomeAWrongSum() {
        Random random = new Random(11);
        byte[] original = new byte[good().remaining()];
        good().get(original);
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = mutate(original, random);
            Mailbox fresh = new Mailbox(7, FLOATS, RANKS, 0, 20);
            fresh.put(ByteBuffer.wrap(bytes), answer -> {});
            if (Arrays.equals(bytes, original)) {
                continue;
            }
            assertThatThrownBy(() -> fresh.take(NODE_3, peer("host:1", NOW)))
                    .isInstanceOf(PeerException.class)
                    .hasMessageStartingWith("step 20: ")
                    .hasMessageNotContaining("is silent");
        }
    }

    private static byte[] mutate(byte[] original, Random random) {
        byte[] bytes = original.clone();
        switch (random.nextInt(4)) {
            case 0 -> {
                return Arrays.copyOf(bytes, random.nextInt(2 * bytes.length));
            }
            case 1 -> random.nextBytes(bytes);
            case 2 -> {
                int from = random.nextInt(bytes.length);
                int to = random.nextInt(bytes.length);
                int length = random.nextInt(bytes.length - Math.max(from, to));
                System.arraycopy(original, from, bytes, to, length);
            }
            default -> {
                for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                }
            }
        }
        return bytes;
    }
}
