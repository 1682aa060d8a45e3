package org.sparklora.worker.spark;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.spark.SparkEnv;
import org.apache.spark.rpc.RpcEndpointRef;
import org.apache.spark.rpc.RpcTimeout;
import org.apache.spark.util.RpcUtils;
import org.sparklora.worker.allreduce.PeerException;
import scala.concurrent.Await;
import scala.concurrent.Future;
import scala.concurrent.duration.FiniteDuration;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * How the ranks of a barrier stage learn each other's addresses: from an endpoint at the driver, over Spark's own RPC, which
 * every executor can reach. Spark's {@code allGather} does the same, but polls for the answer once a second.
 *
 * <p>Messages consist of the JDK's own types, since Spark reads them on threads that may not see this application's classes.
 *
 * @param endpoint name of the endpoint
 * @param timeout maximum wait for the other ranks
 */
public record Rendezvous(String endpoint, Duration timeout) implements Serializable {

    private static final ClassTag<String[]> ADDRESSES = ClassTag$.MODULE$.apply(String[].class);
    private static final String SEPARATOR = " ";

    /**
     * The registration of a rank.
     *
     * @param session identifies the segment and its attempt, the same for all its ranks
     * @param rank the rank, from 0
     * @param ranks number of ranks
     * @param address host and port of the rank
     */
    public record RankRegistration(String session, int rank, int ranks, String address) {

        /** Encodes the registration. */
        public String message() {
            return String.join(SEPARATOR, session, String.valueOf(rank), String.valueOf(ranks), address);
        }

        /** Decodes a {@link #message}. */
        public static RankRegistration of(String message) {
            String[] parts = message.split(SEPARATOR, 4);
            return new RankRegistration(parts[0], Integer.parseInt(parts[1]), Integer.parseInt(parts[2]), parts[3]);
        }
    }

    /**
     * Registers a rank and waits until all ranks have registered.
     *
     * @return the addresses, by rank
     * @throws PeerException if the others do not register in time, or the driver cannot be reached
     */
    public List<String> join(SparkEnv env, RankRegistration registration) {
        FiniteDuration wait = new FiniteDuration(timeout.toMillis(), TimeUnit.MILLISECONDS);
        String self = "rank " + registration.rank() + " (" + registration.address() + ")";
        try {
            RpcEndpointRef driver = RpcUtils.makeDriverRef(endpoint, env.conf(), env.rpcEnv());
            Future<String[]> answer =
                    driver.ask(registration.message(), new RpcTimeout(wait, "spark.barrier.sync.timeout"), ADDRESSES);
            return List.of(Await.result(answer, wait));
        } catch (InterruptedException e) {
            throw PeerException.cancelled("", e);
        } catch (TimeoutException e) {
            throw new PeerException(
                    self + ": the other ranks did not register within " + timeout.toMillis() / 1000.0
                            + " s (spark.barrier.sync.timeout)",
                    e);
        } catch (Exception e) {
            // Exception: Scala throws checked exceptions that no signature declares.
            throw new PeerException(self + " cannot register at the driver: " + e, e);
        }
    }
}
