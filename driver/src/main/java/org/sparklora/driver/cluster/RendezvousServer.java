package org.sparklora.driver.cluster;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.spark.SparkEnv;
import org.apache.spark.rpc.RpcCallContext;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.rpc.RpcEnv;
import org.apache.spark.rpc.ThreadSafeRpcEndpoint;
import org.sparklora.worker.spark.Rendezvous;
import org.sparklora.worker.spark.Rendezvous.RankRegistration;
import scala.PartialFunction;
import scala.runtime.AbstractPartialFunction;
import scala.runtime.BoxedUnit;

/**
 * The driver's side of {@link Rendezvous}: answers all ranks of a session once the last one has registered. A rank that
 * registers again, because its task was restarted, counts once. If a rank never registers, Spark ends the others as tasks of a
 * failed barrier stage, or their timeout does.
 */
final class RendezvousServer implements ThreadSafeRpcEndpoint, AutoCloseable {

    private final RpcEnv environment;
    private final RpcEndpointRef self;
    private final Rendezvous address;
    private final Map<String, Map<Integer, Waiting>> sessions = new HashMap<>();

    /** A registered rank, and the call to answer. */
    private record Waiting(String address, RpcCallContext caller) {}

    /** Opens an endpoint that the executors of this application can reach. */
    RendezvousServer(Duration timeout) {
        this.environment = SparkEnv.get().rpcEnv();
        this.address = new Rendezvous("spark-lora-rendezvous-" + UUID.randomUUID(), timeout);
        this.self = environment.setupEndpoint(address.endpoint(), this);
    }

    /** What ranks need to reach this server. */
    Rendezvous address() {
        return address;
    }

    @Override
    public RpcEnv rpcEnv() {
        return environment;
    }

    @Override
    public PartialFunction<Object, BoxedUnit> receiveAndReply(RpcCallContext caller) {
        return new AbstractPartialFunction<>() {
            @Override
            public boolean isDefinedAt(Object message) {
                return message instanceof String;
            }

            @Override
            public BoxedUnit apply(Object message) {
                register(RankRegistration.of((String) message), caller);
                return BoxedUnit.UNIT;
            }
        };
    }

    /** Spark calls this for one message at a time. */
    private void register(RankRegistration registration, RpcCallContext caller) {
        Map<Integer, Waiting> ranks = sessions.computeIfAbsent(registration.session(), session -> new TreeMap<>());
        ranks.put(registration.rank(), new Waiting(registration.address(), caller));
        if (ranks.size() == registration.ranks()) {
            sessions.remove(registration.session());
            String[] addresses = ranks.values().stream().map(Waiting::address).toArray(String[]::new);
            ranks.values().forEach(waiting -> waiting.caller().reply(addresses));
        }
    }

    @Override
    public void close() {
        environment.stop(self);
    }
}
