package org.sparklora.worker.allreduce;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.sparklora.worker.allreduce.Frame.Kind;
import org.sparklora.worker.contract.ShardSum;

class MailboxTest {

    private static final Duration NOW = Duration.ZERO;
    private static final int FLOATS = 5;
    private static final RankMap RANKS = new RankMap(4, 2);

    private final Mailbox mailbox = new Mailbox(7, FLOATS, RANKS, 0, 20);

    private static ShardSum sum() {
        return new ShardSum(1.5, 2, 3, new float[] {1, 2, 3, 4, 5});
    }

    private static ByteBuffer frame(long plan, long step, Kind kind, int sender, int node, ShardSum sum) {
        int floats = sum.gradient().length;
        return new Frame(plan, step, kind, sender, new Frame.Node(node, sum))
                .encode(ByteBuffer.allocate(Frame.bytes(floats)));
    }

    private static ByteBuffer good() {
        return frame(7, 20, Kind.UP, 1, 3, sum());
    }

    private void refuses(ByteBuffer message, String why) {
        mailbox.put(message);
        assertThatThrownBy(() -> mailbox.take(Kind.UP, 3, 1, "host:1", NOW))
                .isInstanceOf(PeerException.class)
                .hasMessage("step 20: " + why);
    }

    @Test
    void handsOutWhatArrived() {
        mailbox.put(good());
        ShardSum got = mailbox.take(Kind.UP, 3, 1, "host:1", NOW).sum().sum();
        assertThat(got.gradient()).containsExactly(1, 2, 3, 4, 5);
        assertThat(got.loss()).isEqualTo(1.5);
        assertThat(got.weight()).isEqualTo(2.0);
        assertThat(got.examples()).isEqualTo(3);
    }

    @Test
    void refusesAWrongSize() {
        ByteBuffer larger = frame(7, 20, Kind.UP, 1, 3, new ShardSum(0, 0, 0, new float[6]));
        refuses(larger, "a message of 84 bytes came where 80 were due");
    }

    @Test
    void refusesAnotherPlan() {
        refuses(frame(8, 20, Kind.UP, 1, 3, sum()), "a frame of another plan came (8 instead of 7)");
    }

    @Test
    void refusesAWrongStep() {
        refuses(frame(7, 22, Kind.UP, 1, 3, sum()), "rank 1 sent step 22 at step 20");
    }

    @Test
    void refusesAnotherRanksNode() {
        refuses(frame(7, 20, Kind.UP, 1, 2, sum()), "rank 1 sent UP node 2, which is not for it to send to rank 0");
    }

    @Test
    void refusesAStrangersRank() {
        refuses(frame(7, 20, Kind.UP, 9, 3, sum()), "a frame came from rank 9, which is no peer of rank 0 of 2");
    }

    @Test
    void refusesTheSameNodeTwice() {
        mailbox.put(good());
        refuses(good(), "rank 1 sent node 3 of step 20 twice");
    }

    @Test
    void namesTheRankThatIsSilent() {
        assertThatThrownBy(() -> mailbox.take(Kind.UP, 3, 1, "host-a:4711", NOW))
                .isInstanceOf(PeerException.class)
                .hasMessage(
                        "step 20: rank 1 (host-a:4711) is silent for 0 ms; due from it: its gradient; last heard of it:"
                                + " nothing yet");
    }

    @Test
    void aLostRankEndsTheWaitingForItButWhatItSentCounts() {
        mailbox.put(good());
        mailbox.lost(1);
        assertThat(mailbox.take(Kind.UP, 3, 1, "host-a:4711", NOW).sum().node()).isEqualTo(3);
        assertThatThrownBy(() -> mailbox.take(Kind.UP, 3, 1, "host-a:4711", Duration.ofMinutes(5)))
                .hasMessage("step 20: rank 1 (host-a:4711) is lost; due from it: its gradient; last heard of it: UP of"
                        + " step 20");
    }

    @Test
    void aFailureEndsTheWaiting() {
        mailbox.fail(new IllegalStateException("rank 1 (host-a:4711) is lost"));
        assertThatThrownBy(() -> mailbox.take(Kind.UP, 3, 1, "host-a:4711", Duration.ofMinutes(5)))
                .hasMessage("step 20: rank 1 (host-a:4711) is lost");
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
            fresh.put(ByteBuffer.wrap(bytes));
            if (Arrays.equals(bytes, original)) {
                continue;
            }
            assertThatThrownBy(() -> fresh.take(Kind.UP, 3, 1, "host:1", NOW))
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
