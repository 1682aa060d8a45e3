package org.sparklora.worker.allreduce;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Date;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;

/**
 * Ranks of a large cluster in one JVM, on a clock that passes only when no rank can run. Each rank has its thread, but one thread
 * runs at a time, and a seed chooses which. So a run takes no waiting, and has the same course each time.
 *
 * <p>A message leaves its sender after the ones before it, at {@link #BYTES_PER_SECOND}, needs {@link #LATENCY_NANOS}, and passes
 * the receiver's network card after the ones before it.
 */
final class Simulation {

    static final long BYTES_PER_SECOND = 1_250_000_000L;
    static final long LATENCY_NANOS = 100_000;

    private record Event(long time, long sequence, Runnable action) {}

    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingLong(Event::time).thenComparingLong(Event::sequence));
    private final List<Rank> ranks = new ArrayList<>();
    private final List<Rank> runnable = new ArrayList<>();
    private final Semaphore yielded = new Semaphore(0);
    private final Random order;
    private long sequence;
    private long now;

    Simulation(long seed) {
        this.order = new Random(seed);
    }

    /** What a rank does. */
    interface Work {
        void run(Rank self);
    }

    /** Adds a rank. */
    Rank add(long sessionId, int floats, RankMap map) {
        Rank rank = new Rank(sessionId, floats, map, ranks.size());
        ranks.add(rank);
        return rank;
    }

    Rank rank(int rank) {
        return ranks.get(rank);
    }

    long now() {
        return now;
    }

    private void at(long time, Runnable action) {
        events.add(new Event(time, sequence++, action));
    }

    /** Runs all ranks to their ends. A rank that is frozen has none. */
    void run(Work work) throws InterruptedException {
        for (Rank rank : ranks) {
            Thread thread = new Thread(() -> rank.begin(work), "simulated rank " + rank.self);
            thread.setDaemon(true);
            thread.start();
            runnable.add(rank);
        }
        while (ranks.stream().anyMatch(rank -> !rank.ended && !rank.frozen)) {
            if (!runnable.isEmpty()) {
                runnable.remove(order.nextInt(runnable.size())).resume();
            } else if (!events.isEmpty()) {
                Event next = events.remove();
                now = Math.max(now, next.time);
                next.action.run();
            } else {
                throw new IllegalStateException("all ranks wait, and nothing will come");
            }
        }
    }

    /** One rank: its thread, its condition, its network card. */
    final class Rank implements Transport, Condition {

        final Mailbox mailbox;
        final int self;
        long sentBytes;
        long receivedBytes;
        private final Semaphore resumed = new Semaphore(0);
        private final Set<Integer> peers = new TreeSet<>();
        private long sends;
        private long receives;
        private long wait;
        private boolean parked;
        private boolean ended;
        private boolean frozen;

        private Rank(long sessionId, int floats, RankMap map, int self) {
            this.self = self;
            this.mailbox = new Mailbox(sessionId, floats, map, self, 0, new OneAtATime(this));
        }

        private void begin(Work work) {
            resumed.acquireUninterruptibly();
            try {
                work.run(this);
            } finally {
                ended = true;
                yielded.release();
            }
        }

        private void resume() throws InterruptedException {
            resumed.release();
            if (!yielded.tryAcquire(1, TimeUnit.MINUTES)) {
                throw new IllegalStateException("rank " + self + " neither waits nor ends");
            }
        }

        /** Lets time pass on this rank's thread, or a signal come. */
        private void park(long nanos, boolean signals) {
            long mine = ++wait;
            parked = signals;
            at(now + nanos, () -> {
                if (mine == wait) {
                    wake();
                }
            });
            yielded.release();
            resumed.acquireUninterruptibly();
        }

        private void wake() {
            wait++;
            parked = false;
            if (!frozen) {
                runnable.add(this);
            }
        }

        /** Computes. */
        void compute(int shard, long nanos) {
            mailbox.computes(shard);
            park(nanos, false);
        }

        /** Stops as a process does that gets SIGSTOP: it computes nothing, reads nothing and closes nothing. */
        void freeze() {
            frozen = true;
            park(Long.MAX_VALUE / 2, false);
        }

        @Override
        public CompletableFuture<Void> send(int rank, ByteBuffer message) {
            transmit(rank, message);
            return CompletableFuture.completedFuture(null);
        }

        private void transmit(int rank, ByteBuffer message) {
            ByteBuffer copy = ByteBuffer.allocate(message.remaining())
                    .put(message.duplicate())
                    .flip();
            int size = copy.remaining();
            long nanos = size * 1_000_000_000L / BYTES_PER_SECOND;
            peers.add(rank);
            sentBytes += size;
            sends = Math.max(now, sends) + nanos;
            at(sends + LATENCY_NANOS, () -> ranks.get(rank).arrives(this, copy, nanos));
        }

        private void arrives(Rank from, ByteBuffer message, long nanos) {
            peers.add(from.self);
            receivedBytes += message.remaining();
            receives = Math.max(now, receives) + nanos;
            at(receives, () -> {
                if (!frozen && !ended) {
                    mailbox.put(message, answer -> transmit(from.self, answer));
                }
            });
        }

        @Override
        public void broadcast(ByteBuffer message) {
            List.copyOf(peers).forEach(peer -> transmit(peer, message));
        }

        @Override
        public String name(int rank) {
            return "host-" + rank + ":7000";
        }

        @Override
        public void close() {
            // After what was sent, as a connection closes.
            peers.forEach(peer -> at(
                    Math.max(now, sends) + 2 * LATENCY_NANOS,
                    () -> ranks.get(peer).mailbox.lost(self)));
        }

        @Override
        public long awaitNanos(long nanos) {
            long before = now;
            park(nanos, true);
            return nanos - (now - before);
        }

        @Override
        public void signalAll() {
            if (parked) {
                wake();
            }
        }

        @Override
        public void await() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void awaitUninterruptibly() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean await(long time, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean awaitUntil(Date deadline) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void signal() {
            throw new UnsupportedOperationException();
        }
    }

    /** A lock where one thread runs at a time. */
    private record OneAtATime(Condition condition) implements Lock {

        @Override
        public void lock() {}

        @Override
        public void unlock() {}

        @Override
        public Condition newCondition() {
            return condition;
        }

        @Override
        public void lockInterruptibly() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean tryLock() {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean tryLock(long time, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }
    }
}
