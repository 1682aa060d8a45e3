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
 * The driver's side of {@link Rendezvous}: answers every rank of a stage when the last one is there. A rank that comes twice,
 * because its task was started again, counts once. Those who wait for one that never comes are ended by Spark, as tasks of a
 * failed barrier stage, or by their own patience.
 */
final class RendezvousServer implements ThreadSafeRpcEndpoint, AutoCloseable {

    private final RpcEnv environment;
    private final RpcEndpointRef self;
    private final Rendezvous meeting;
    private final Map<String, Map<Integer, Waiting>> stages = new HashMap<>();

    /** A rank that is there, and whom to tell. */
    private record Waiting(String address, RpcCallContext caller) {}

    /** Opens a place that ranks of this application find. */
    RendezvousServer(Duration patience) {
        this.environment = SparkEnv.get().rpcEnv();
        this.meeting = new Rendezvous("spark-lora-meeting-" + UUID.randomUUID(), patience);
        this.self = environment.setupEndpoint(meeting.place(), this);
    }

    /** What a rank needs to come here. */
    Rendezvous meeting() {
        return meeting;
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
                arrived(RankRegistration.of((String) message), caller);
                return BoxedUnit.UNIT;
            }
        };
    }

    /** Spark calls this for one message after the other. */
    private void arrived(RankRegistration arrival, RpcCallContext caller) {
        Map<Integer, Waiting> there = stages.computeIfAbsent(arrival.stage(), stage -> new TreeMap<>());
        there.put(arrival.rank(), new Waiting(arrival.address(), caller));
        if (there.size() == arrival.ranks()) {
            stages.remove(arrival.stage());
            String[] addresses = there.values().stream().map(Waiting::address).toArray(String[]::new);
            there.values().forEach(waiting -> waiting.caller().reply(addresses));
        }
    }

    @Override
    public void close() {
        environment.stop(self);
    }
}
