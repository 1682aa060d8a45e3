package org.sparklora.driver.cluster;

import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.worker.spark.CacheStorage;
import scala.Tuple2;
import scala.collection.JavaConverters;

/** Where activations find room. The cluster's memory decides; the answer changes no number. */
final class StorageBudget {

    /** Part of the storage memory that may be filled: executors need not hold equal parts, and rows lie there too. */
    private static final double USABLE = 0.5;

    private StorageBudget() {}

    /** Memory where it has room, else disk; a wish is followed, or refused with what would help. */
    static CacheStorage choose(JavaSparkContext spark, ActivationCache wanted, long bytes) {
        return choose(wanted, bytes, memory(spark));
    }

    /**
     * @param memory bytes of all executors' storage memory
     */
    static CacheStorage choose(ActivationCache wanted, long bytes, long memory) {
        boolean fits = bytes <= USABLE * memory;
        if (wanted == ActivationCache.MEMORY && !fits) {
            throw new ClusterException(
                    "execution.activation_cache=memory: " + Bytes.text(bytes)
                            + " are to be kept, but half of the executors'"
                            + " storage memory is " + Bytes.text(Math.round(USABLE * memory))
                            + ". Give executors more memory, or set activation_cache to auto or disk, or"
                            + " activation_cache_type to float16",
                    null);
        }
        return fits && wanted != ActivationCache.DISK ? CacheStorage.MEMORY : CacheStorage.DISK;
    }

    private static long memory(JavaSparkContext spark) {
        // The driver's block manager is in the map, too, and holds partitions with a local master only.
        String driver = Sessions.isLocal(spark.master())
                ? ""
                : spark.env().blockManager().blockManagerId().hostPort();
        long sum = 0;
        for (var executor : JavaConverters.mapAsJavaMap(spark.sc().getExecutorMemoryStatus())
                .entrySet()) {
            Tuple2<Object, Object> sizes = executor.getValue();
            sum += executor.getKey().equals(driver) ? 0 : (Long) sizes._1();
        }
        return sum;
    }
}
