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
 * Where the ranks of a barrier stage learn each other's addresses: an endpoint at the driver, on Spark's own RPC, which
 * every executor reaches already. Spark's {@code allGather} does the same, but looks for the answer once a second.
 *
 * <p>What travels is of the JDK's own types: Spark reads messages on threads that need not know this application's classes.
 *
 * @param place name of the endpoint
 * @param patience longest wait for the others
 */
public record Rendezvous(String place, Duration patience) implements Serializable {

    private static final ClassTag<String[]> ADDRESSES = ClassTag$.MODULE$.apply(String[].class);
    private static final String BETWEEN = " ";

    /**
     * A rank that is there.
     *
     * @param stage what its stage and attempt are called, the same for all who meet
     * @param rank its number
     * @param ranks how many are to meet
     * @param address where the others find it
     */
    public record RankRegistration(String stage, int rank, int ranks, String address) {

        /** As it travels. */
        public String message() {
            return String.join(BETWEEN, stage, String.valueOf(rank), String.valueOf(ranks), address);
        }

        /** What {@link #message} wrote. */
        public static RankRegistration of(String message) {
            String[] parts = message.split(BETWEEN, 4);
            return new RankRegistration(parts[0], Integer.parseInt(parts[1]), Integer.parseInt(parts[2]), parts[3]);
        }
    }

    /**
     * Waits until all ranks are there.
     *
     * @return their addresses, by rank
     */
    public List<String> meet(SparkEnv env, RankRegistration arrival) {
        FiniteDuration wait = new FiniteDuration(patience.toMillis(), TimeUnit.MILLISECONDS);
        String who = "rank " + arrival.rank() + " (" + arrival.address() + ")";
        try {
            RpcEndpointRef driver = RpcUtils.makeDriverRef(place, env.conf(), env.rpcEnv());
            Future<String[]> answer =
                    driver.ask(arrival.message(), new RpcTimeout(wait, "spark.barrier.sync.timeout"), ADDRESSES);
            return List.of(Await.result(answer, wait));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerException("the task was cancelled", e);
        } catch (TimeoutException e) {
            throw new PeerException(
                    who + " met no other within " + patience.toMillis() / 1000.0 + " s (spark.barrier.sync.timeout)",
                    e);
        } catch (Exception e) {
            // Exception, because Scala throws checked ones that no signature names.
            throw new PeerException(who + " cannot meet the others at the driver: " + e, e);
        }
    }
}
