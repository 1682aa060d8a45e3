package org.sparklora.worker.spark;

import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelFuture;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.spark.SecurityManager;
import org.apache.spark.SparkConf;
import org.apache.spark.network.TransportContext;
import org.apache.spark.network.buffer.NioManagedBuffer;
import org.apache.spark.network.client.RpcResponseCallback;
import org.apache.spark.network.client.TransportClient;
import org.apache.spark.network.client.TransportClientFactory;
import org.apache.spark.network.crypto.AuthClientBootstrap;
import org.apache.spark.network.crypto.AuthServerBootstrap;
import org.apache.spark.network.protocol.OneWayMessage;
import org.apache.spark.network.server.OneForOneStreamManager;
import org.apache.spark.network.server.RpcHandler;
import org.apache.spark.network.server.StreamManager;
import org.apache.spark.network.server.TransportServer;
import org.apache.spark.network.server.TransportServerBootstrap;
import org.apache.spark.network.util.MapConfigProvider;
import org.apache.spark.network.util.TransportConf;
import org.apache.spark.util.Utils;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.allreduce.Mailbox;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.allreduce.Transport;
import scala.Tuple2;
import scala.runtime.AbstractFunction1;

/**
 * Connects ranks over Spark's own transport, with authentication and encryption if the session uses them.
 *
 * <p>Call order: create it, publish {@link #address}, {@link #connect}. The transport's threads put incoming messages
 * into the mailbox. Messages are one-way: the next message of a peer shows that it received the last one.
 */
public final class SparkTransport implements Transport {

    /** Module of the settings, as in spark.lora.io.serverThreads. */
    private static final String MODULE = "lora";

    /** Netty reads 64 KiB at a time by default. Larger reads avoid copying the parts of a chunk together. */
    private static final AdaptiveRecvByteBufAllocator READS =
            new AdaptiveRecvByteBufAllocator(64 * 1024, 512 * 1024, 1024 * 1024);

    /** Time limit for the last messages. A rank that misses them notices the closed connection. */
    private static final long BROADCAST_NANOS = TimeUnit.SECONDS.toNanos(1);

    /**
     * Setting: the first port to listen on; 0, the default, is any free port. Each task of a host needs a port, so a task tries
     * the next ones, as many as {@code spark.port.maxRetries} says.
     */
    public static final String PORT = "spark.lora.port";

    private final String host;
    private final Receiver receiver;
    private final TransportContext context;
    private final TransportServer listener;
    private final TransportClientFactory clients;
    private final Map<Integer, TransportClient> connected = new ConcurrentHashMap<>();
    private List<String> addresses = List.of();

    /**
     * Listens on {@link #PORT}.
     *
     * @param host address to listen on, to which the other ranks connect
     * @throws PeerException if no port is free
     */
    public SparkTransport(SparkConf conf, SecurityManager security, String host, Mailbox mailbox) {
        Map<String, String> settings = Arrays.stream(conf.getAll()).collect(Collectors.toMap(Tuple2::_1, Tuple2::_2));
        TransportConf transport = new TransportConf(MODULE, new MapConfigProvider(settings));
        boolean authenticates = security.isAuthenticationEnabled();
        this.host = host;
        this.receiver = new Receiver(mailbox);
        this.context = new TransportContext(transport, receiver);
        this.listener = listen(conf, authenticates ? List.of(new AuthServerBootstrap(transport, security)) : List.of());
        this.clients = context.createClientFactory(
                authenticates ? List.of(new AuthClientBootstrap(transport, conf.getAppId(), security)) : List.of());
    }

    private TransportServer listen(SparkConf conf, List<TransportServerBootstrap> bootstraps) {
        int first = conf.getInt(PORT, 0);
        try {
            return Utils.startServiceOnPort(
                            first,
                            new AbstractFunction1<Object, Tuple2<TransportServer, Object>>() {
                                @Override
                                public Tuple2<TransportServer, Object> apply(Object port) {
                                    TransportServer server = context.createServer(host, (Integer) port, bootstraps);
                                    return new Tuple2<>(server, server.getPort());
                                }
                            },
                            conf,
                            PORT)
                    ._1();
        } catch (Exception e) {
            // Exception: Scala throws checked exceptions that no signature declares.
            context.close();
            throw new PeerException(
                    host + " has no free port from " + first + " on (" + PORT + ", spark.port.maxRetries): " + e, e);
        }
    }

    /** Host and port of this rank. */
    public String address() {
        return host + ":" + listener.getPort();
    }

    /** Sets the addresses of all ranks, by rank. Connections open on first use. */
    public void connect(List<String> addressesByRank) {
        addresses = List.copyOf(addressesByRank);
    }

    @Override
    public CompletableFuture<Void> send(int rank, ByteBuffer message) {
        CompletableFuture<Void> sent = new CompletableFuture<>();
        // The caller may reuse the buffer once the operating system has the bytes.
        write(client(rank), message).addListener(written -> {
            if (written.isSuccess()) {
                sent.complete(null);
            } else {
                sent.completeExceptionally(unreachable(rank, String.valueOf(written.cause()), written.cause()));
            }
        });
        return sent;
    }

    private static ChannelFuture write(TransportClient to, ByteBuffer message) {
        return to.getChannel().writeAndFlush(new OneWayMessage(new NioManagedBuffer(message)));
    }

    private PeerException unreachable(int rank, String why, @Nullable Throwable cause) {
        return new PeerException("rank " + rank + " (" + name(rank) + ") cannot be reached: " + why, cause);
    }

    @Override
    public void broadcast(ByteBuffer message) {
        List<ChannelFuture> writes = new ArrayList<>();
        receiver.peers().forEach(peer -> writes.add(write(peer, message.duplicate())));
        long until = System.nanoTime() + BROADCAST_NANOS;
        for (ChannelFuture written : writes) {
            written.awaitUninterruptibly(Math.max(1, until - System.nanoTime()), TimeUnit.NANOSECONDS);
        }
    }

    private TransportClient client(int rank) {
        TransportClient open = connected.get(rank);
        if (open != null) {
            return open;
        }
        String address = name(rank);
        int colon = address.lastIndexOf(':');
        try {
            TransportClient opened =
                    clients.createClient(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
            connected.put(rank, opened);
            receiver.connected(opened, rank);
            return opened;
        } catch (IOException | RuntimeException e) {
            throw unreachable(rank, String.valueOf(e.getMessage()), e);
        } catch (InterruptedException e) {
            throw PeerException.cancelled("", e);
        }
    }

    @Override
    public String name(int rank) {
        return addresses.get(rank);
    }

    @Override
    public void close() {
        // The closed connections tell the other ranks that this one is gone.
        clients.close();
        listener.close();
        context.close();
    }

    /** Puts incoming messages into the mailbox, from connections opened by this rank or by others. */
    private static final class Receiver extends RpcHandler {

        private final Mailbox mailbox;
        private final StreamManager streams = new OneForOneStreamManager();
        private final Map<TransportClient, Integer> senders = new ConcurrentHashMap<>();

        Receiver(Mailbox mailbox) {
            this.mailbox = mailbox;
        }

        /** Connections whose rank is known. */
        Set<TransportClient> peers() {
            return senders.keySet();
        }

        /** Registers a connection that this rank opened. */
        void connected(TransportClient peer, int rank) {
            senders.put(peer, rank);
            if (!peer.isActive()) {
                // It closed before it was registered, so there will be no further event.
                channelInactive(peer);
            }
        }

        @Override
        public void receive(TransportClient from, ByteBuffer message) {
            OptionalInt sender = mailbox.put(message, answer -> {
                ChannelFuture unused = write(from, answer);
            });
            sender.ifPresent(rank -> senders.put(from, rank));
        }

        @Override
        public void receive(TransportClient from, ByteBuffer message, RpcResponseCallback callback) {
            callback.onFailure(new UnsupportedOperationException("ranks send one-way messages only"));
        }

        @Override
        public StreamManager getStreamManager() {
            return streams;
        }

        @Override
        public void channelActive(TransportClient from) {
            from.getChannel().config().setRecvByteBufAllocator(READS);
        }

        @Override
        public void channelInactive(TransportClient from) {
            Integer sender = senders.remove(from);
            if (sender != null) {
                mailbox.lost(sender);
            }
        }
    }
}
