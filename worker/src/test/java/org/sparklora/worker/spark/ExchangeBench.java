package org.sparklora.worker.spark;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.sparklora.worker.allreduce.Mailbox;
import org.sparklora.worker.allreduce.RankMap;
import org.sparklora.worker.allreduce.Transport;
import org.sparklora.worker.allreduce.TreeAllReduce;
import org.sparklora.worker.bench.BenchReport;
import org.sparklora.worker.bench.BenchReport.Spread;
import org.sparklora.worker.contract.Padding;
import org.sparklora.worker.contract.ShardSum;

/**
 * What one all-reduce between two ranks costs on Spark's transport, beside the same exchange over plain sockets: float[]
 * in, sum out, over loopback, two threads. Prints medians in milliseconds, the ratio, and the bytes that a rank sends in a step.
 */
public final class ExchangeBench {

    private static final Duration DEADLINE = Duration.ofSeconds(30);

    private ExchangeBench() {}

    /** Steps of one rank. */
    interface Rank extends AutoCloseable {
        float[] step(float[] mine) throws IOException;

        @Override
        void close() throws IOException;
    }

    /**
     * Prints a line for each size and kind of link.
     *
     * @param args --quick: one round instead of 5, without authentication
     */
    public static void main(String[] args) throws Exception {
        int rounds = BenchReport.isQuick(args) ? 1 : 5;
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            for (int floats : new int[] {300_000, 2_500_000, 12_500_000}) {
                for (Security security : rounds == 1 ? List.of(Security.OPEN) : List.of(Security.values())) {
                    print(floats, security, measure(threads, floats, security, rounds));
                }
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** What Spark's transport does with the bytes. */
    private enum Security {
        OPEN,
        AUTHENTICATED,
        ENCRYPTED;

        SparkConf conf() {
            SparkConf conf = new SparkConf(false)
                    .set("spark.app.id", "bench")
                    .set("spark.authenticate", Boolean.toString(this != OPEN))
                    .set("spark.authenticate.secret", "bench");
            return conf.set("spark.network.crypto.enabled", Boolean.toString(this == ENCRYPTED));
        }
    }

    /** Milliseconds over plain sockets and over Spark's transport, and bytes that a rank sends there in a step, by round. */
    private static List<double[]> measure(ExecutorService threads, int floats, Security security, int rounds)
            throws Exception {
        int steps = 120_000_000 / floats;
        List<double[]> rows = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            AtomicLong sent = new AtomicLong();
            rows.add(new double[] {
                median(threads, plain(floats), floats, steps),
                median(threads, spark(floats, security.conf(), sent), floats, steps),
                sent.get() / (2.0 * (steps + steps / 2))
            });
        }
        return rows;
    }

    private static void print(int floats, Security security, List<double[]> pairs) {
        Spread ratio = Spread.of(pairs, p -> p[1] / p[0]);
        Spread spark = Spread.of(pairs, p -> p[1]);
        Spread plain = Spread.of(pairs, p -> p[0]);
        Spread sent = Spread.of(pairs, p -> p[2]);
        BenchReport.add(
                String.format(
                        Locale.ROOT,
                        "all-reduce, 2 ranks, %.1f MB, %s",
                        floats * 4 / 1e6,
                        security.name().toLowerCase(Locale.ROOT)),
                floats == 300_000 && security == Security.OPEN ? "<= 2x plain sockets" : null,
                String.format(
                        Locale.ROOT,
                        "%.3f ms, %s times plain sockets (%.3f ms), %.2f MB sent by each rank",
                        spark.median(),
                        ratio.text("%.2f"),
                        plain.median(),
                        sent.median() / 1e6),
                Map.of("ms", spark, "plain_sockets_ms", plain, "ratio", ratio, "sent_bytes", sent));
    }

    private static double median(ExecutorService threads, List<Rank> ranks, int floats, int steps) throws Exception {
        double[] times = new double[steps];
        List<Callable<Void>> work = new ArrayList<>();
        for (int r = 0; r < 2; r++) {
            int rank = r;
            work.add(() -> {
                float[] mine = new float[floats];
                Arrays.fill(mine, rank + 1);
                for (int warm = 0; warm < steps / 2; warm++) {
                    ranks.get(rank).step(mine.clone());
                }
                for (int s = 0; s < steps; s++) {
                    float[] fresh = mine.clone();
                    long began = System.nanoTime();
                    float[] sum = ranks.get(rank).step(fresh);
                    if (rank == 1) {
                        times[s] = (System.nanoTime() - began) / 1e6;
                    }
                    if (sum[floats - 1] != 3) {
                        throw new IllegalStateException("wrong sum");
                    }
                }
                return null;
            });
        }
        try {
            for (Future<Void> done : threads.invokeAll(work)) {
                done.get();
            }
        } finally {
            for (Rank rank : ranks) {
                rank.close();
            }
        }
        Arrays.sort(times);
        return times[steps / 2];
    }

    private static List<Rank> plain(int floats) throws IOException {
        try (ServerSocketChannel server = ServerSocketChannel.open()) {
            server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            SocketChannel one = SocketChannel.open(server.getLocalAddress());
            SocketChannel zero = server.accept();
            return List.of(new PlainRank(zero, 0, floats), new PlainRank(one, 1, floats));
        }
    }

    private static final class PlainRank implements Rank {
        private final SocketChannel channel;
        private final int rank;
        private final ByteBuffer buffer;
        private final float[] other;

        PlainRank(SocketChannel channel, int rank, int floats) throws IOException {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            this.channel = channel;
            this.rank = rank;
            this.buffer = ByteBuffer.allocateDirect(floats * 4).order(ByteOrder.LITTLE_ENDIAN);
            this.other = new float[floats];
        }

        @Override
        public float[] step(float[] mine) throws IOException {
            if (rank == 1) {
                send(mine);
                receive(mine);
            } else {
                receive(other);
                for (int i = 0; i < mine.length; i++) {
                    mine[i] += other[i];
                }
                send(mine);
            }
            return mine;
        }

        private void send(float[] values) throws IOException {
            buffer.clear();
            buffer.asFloatBuffer().put(values);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        }

        private void receive(float[] values) throws IOException {
            buffer.clear();
            while (buffer.hasRemaining()) {
                if (channel.read(buffer) < 0) {
                    throw new IOException("closed");
                }
            }
            buffer.flip();
            buffer.asFloatBuffer().get(values);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    private static List<Rank> spark(int floats, SparkConf conf, AtomicLong sent) {
        RankMap ranks = new RankMap(2, 2);
        SecurityManager security = new SecurityManager(
                conf, scala.Option.empty(), org.apache.spark.internal.config.package$.MODULE$.AUTH_SECRET_FILE());
        List<Mailbox> boxes = new ArrayList<>();
        List<SparkTransport> links = new ArrayList<>();
        for (int r = 0; r < 2; r++) {
            boxes.add(new Mailbox(1, floats, ranks, r, 0));
            links.add(new SparkTransport(conf, security, "127.0.0.1", boxes.get(r)));
        }
        List<String> addresses = links.stream().map(SparkTransport::address).toList();
        links.forEach(l -> l.connect(addresses));
        List<Rank> result = new ArrayList<>();
        for (int r = 0; r < 2; r++) {
            int rank = r;
            TreeAllReduce reduce =
                    new TreeAllReduce(1, floats, ranks, r, boxes.get(r), new Counting(links.get(r), sent), DEADLINE);
            result.add(new Rank() {
                @Override
                public float[] step(float[] mine) {
                    return reduce.sum(Map.of(2 + rank, new ShardSum(0, 1, 1, Padding.NONE, mine)))
                            .gradient();
                }

                @Override
                public void close() {
                    links.get(rank).close();
                }
            });
        }
        return result;
    }

    /** Counts the bytes that are sent. */
    private record Counting(Transport to, AtomicLong sent) implements Transport {

        @Override
        public CompletableFuture<Void> send(int rank, ByteBuffer message) {
            sent.addAndGet(message.remaining());
            return to.send(rank, message);
        }

        @Override
        public void broadcast(ByteBuffer message) {
            to.broadcast(message);
        }

        @Override
        public String name(int rank) {
            return to.name(rank);
        }

        @Override
        public void close() {
            to.close();
        }
    }
}
