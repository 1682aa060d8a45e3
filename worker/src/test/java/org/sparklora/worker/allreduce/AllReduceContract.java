package org.sparklora.worker.allreduce;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.worker.contract.KeyedRandom;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

/** What every exchange between ranks must do: the bits of one rank, for any number of ranks, shards and values. */
public abstract class AllReduceContract {

    static final long PLAN = 0x1234_5678_9ABC_DEF0L;
    static final Duration DEADLINE = Duration.ofSeconds(30);

    /** Links for every rank; they deliver into the mailboxes. */
    protected abstract List<Transport> connect(Mailbox[] mailboxes) throws Exception;

    static ShardSum shard(long seed, long step, int shard, int floats) {
        long key = KeyedRandom.mix(KeyedRandom.mix(seed, step), shard);
        float[] gradient = new float[floats];
        for (int i = 0; i < floats; i++) {
            gradient[i] = (float) (KeyedRandom.gaussian(key, i) * (1 << (int) (KeyedRandom.mix(key, i) & 15)));
        }
        return new ShardSum(
                KeyedRandom.gaussian(key, -1), shard + 0.5, shard + 1, new Padding(shard + 7, shard), gradient);
    }

    static Map<Integer, ShardSum> shards(long seed, long step, int from, int to, int floats, int shards) {
        ShardTree tree = new ShardTree(shards);
        Map<Integer, ShardSum> sums = new HashMap<>();
        for (int s = from; s < to; s++) {
            sums.put(tree.leaf(s), shard(seed, step, s, floats));
        }
        return sums;
    }

    /** A cluster of random shape: shards, ranks (3, 5, 6 and 7 among them), values. */
    record Shape(long seed, int shards, int ranks, int floats) {}

    static List<Shape> shapes() {
        Random random = new Random(20261124);
        List<Shape> shapes = new ArrayList<>();
        for (int ranks : new int[] {1, 2, 3, 5, 6, 7, 8}) {
            shapes.add(new Shape(random.nextLong(), 8, ranks, 1 + random.nextInt(3000)));
        }
        for (int i = 0; i < 12; i++) {
            int shards = 1 << random.nextInt(5);
            shapes.add(new Shape(random.nextLong(), shards, 1 + random.nextInt(shards), random.nextInt(5000)));
        }
        // Chunks that ranks share, with and without as many shards for each rank.
        shapes.add(new Shape(random.nextLong(), 8, 8, 8 * Chunks.MIN_VALUES + 5));
        shapes.add(new Shape(random.nextLong(), 16, 11, 40 * Chunks.MIN_VALUES));
        // Gradients of several chunks, the last one full and not full, and more of them than an outbox has buffers.
        shapes.add(new Shape(random.nextLong(), 8, 3, 2 * Chunks.MAX_VALUES));
        shapes.add(new Shape(random.nextLong(), 8, 5, 2 * Chunks.MAX_VALUES + 1));
        shapes.add(new Shape(random.nextLong(), 8, 7, 3 * Chunks.MAX_VALUES - 1));
        shapes.add(new Shape(random.nextLong(), 2, 2, 20 * Chunks.MAX_VALUES + 17));
        return shapes;
    }

    @ParameterizedTest
    @MethodSource("shapes")
    void everyRankGetsTheBitsOfOne(Shape shape) throws Exception {
        int steps = 4;
        RankMap ranks = new RankMap(shape.shards(), shape.ranks());
        Mailbox[] mailboxes = IntStream.range(0, shape.ranks())
                .mapToObj(rank -> new Mailbox(PLAN, shape.floats(), ranks, rank, 100))
                .toArray(Mailbox[]::new);
        List<Transport> links = connect(mailboxes);
        ExecutorService threads = Executors.newFixedThreadPool(shape.ranks());
        try {
            List<Callable<List<ShardSum>>> work = new ArrayList<>();
            for (int rank = 0; rank < shape.ranks(); rank++) {
                int self = rank;
                work.add(() -> {
                    TreeAllReduce reduce = new TreeAllReduce(
                            PLAN, shape.floats(), ranks, self, mailboxes[self], links.get(self), DEADLINE);
                    List<ShardSum> totals = new ArrayList<>();
                    for (int step = 0; step < steps; step++) {
                        totals.add(reduce.sum(shards(
                                shape.seed(),
                                step,
                                ranks.firstShard(self),
                                ranks.firstShard(self + 1),
                                shape.floats(),
                                shape.shards())));
                    }
                    reduce.finish();
                    links.get(self).close();
                    return totals;
                });
            }
            List<Future<List<ShardSum>>> results = threads.invokeAll(work, 60, TimeUnit.SECONDS);
            for (int step = 0; step < steps; step++) {
                ShardSum expected = new ShardTree(shape.shards())
                        .total(
                                shards(shape.seed(), step, 0, shape.shards(), shape.floats(), shape.shards()),
                                ShardSum::add);
                for (Future<List<ShardSum>> rank : results) {
                    ShardSum total = rank.get().get(step);
                    assertThat(total.gradient()).isEqualTo(expected.gradient());
                    assertThat(total.loss()).isEqualTo(expected.loss());
                    assertThat(total.weight()).isEqualTo(expected.weight());
                    assertThat(total.examples()).isEqualTo(expected.examples());
                    assertThat(total.padding()).isEqualTo(expected.padding());
                }
            }
        } finally {
            threads.shutdownNow();
            links.forEach(Transport::close);
        }
    }

    /** Rank 0 has the total first; the others would not get it from a rank that is gone. */
    @Test
    void aRankLeavesAfterThoseThatWaitForItsTotalHaveIt() throws Exception {
        int floats = 10;
        RankMap ranks = new RankMap(4, 3);
        for (int round = 0; round < 20; round++) {
            Mailbox[] mailboxes = IntStream.range(0, ranks.ranks())
                    .mapToObj(rank -> new Mailbox(PLAN, floats, ranks, rank, 0))
                    .toArray(Mailbox[]::new);
            List<Transport> links = connect(mailboxes);
            AtomicInteger have = new AtomicInteger();
            AtomicInteger haveWhenTheFirstLeaves = new AtomicInteger();
            ExecutorService threads = Executors.newFixedThreadPool(ranks.ranks());
            try {
                List<Callable<float[]>> work = new ArrayList<>();
                for (int rank = 0; rank < ranks.ranks(); rank++) {
                    int self = rank;
                    work.add(() -> {
                        TreeAllReduce reduce = new TreeAllReduce(
                                PLAN, floats, ranks, self, mailboxes[self], links.get(self), DEADLINE);
                        ShardSum total =
                                reduce.sum(shards(1, 0, ranks.firstShard(self), ranks.firstShard(self + 1), floats, 4));
                        have.incrementAndGet();
                        reduce.finish();
                        if (self == 0) {
                            haveWhenTheFirstLeaves.set(have.get());
                        }
                        links.get(self).close();
                        return total.gradient();
                    });
                }
                for (Future<float[]> total : threads.invokeAll(work, 60, TimeUnit.SECONDS)) {
                    assertThat(total.get()).hasSize(floats);
                }
                assertThat(haveWhenTheFirstLeaves).hasValue(3);
            } finally {
                threads.shutdownNow();
                links.forEach(Transport::close);
            }
        }
    }

    /** How the culprit ends: with a word of its own, or as a killed process does. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everyRankNamesTheRankThatFailed(boolean says) throws Exception {
        int culprit = 3;
        int floats = 200;
        RankMap ranks = new RankMap(8, 7);
        Mailbox[] mailboxes = IntStream.range(0, ranks.ranks())
                .mapToObj(rank -> new Mailbox(PLAN, floats, ranks, rank, 0))
                .toArray(Mailbox[]::new);
        List<Transport> links = connect(mailboxes);
        ExecutorService threads = Executors.newFixedThreadPool(ranks.ranks());
        try {
            List<Callable<String>> work = new ArrayList<>();
            for (int rank = 0; rank < ranks.ranks(); rank++) {
                int self = rank;
                work.add(() -> {
                    TreeAllReduce reduce =
                            new TreeAllReduce(PLAN, floats, ranks, self, mailboxes[self], links.get(self), DEADLINE);
                    try {
                        for (int step = 0; self != culprit || step < 2; step++) {
                            reduce.sum(shards(1, step, ranks.firstShard(self), ranks.firstShard(self + 1), floats, 8));
                        }
                        throw new IllegalStateException("no memory");
                    } catch (IllegalStateException | PeerException e) {
                        if (self != culprit || says) {
                            reduce.leave(e);
                        }
                        return String.valueOf(e.getMessage());
                    } finally {
                        links.get(self).close();
                    }
                });
            }
            List<Future<String>> ends = threads.invokeAll(work, 60, TimeUnit.SECONDS);
            String named = "step 2: rank 3 (" + links.get(culprit).name(culprit) + ")";
            for (int rank = 0; rank < ranks.ranks(); rank++) {
                if (rank != culprit) {
                    assertThat(ends.get(rank).get())
                            .as("rank " + rank)
                            .startsWith(named)
                            .contains(
                                    says
                                            ? "failed: java.lang.IllegalStateException: no memory"
                                            : "last received from it: UP of step 1");
                }
            }
        } finally {
            threads.shutdownNow();
            links.forEach(Transport::close);
        }
    }
}
