package org.sparklora.driver.cluster;

import org.apache.spark.api.java.JavaSparkContext;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.worker.spark.CacheStorage;
import scala.Tuple2;
import scala.collection.JavaConverters;

/** Decides between memory and disk for cached activations. The decision does not change any number. */
final class StorageBudget {

    /** Share of the storage memory to use: executors may hold unequal parts, and the rows need memory, too. */
    private static final double USABLE = 0.5;

    private StorageBudget() {}

    /**
     * Returns memory if it is large enough, otherwise disk. Another setting is used as it is, or refused. If the session
     * encrypts local disks, returns memory: our files are plain, but Spark encrypts what it moves from memory to disk.
     */
    static CacheStorage choose(JavaSparkContext spark, ActivationCache wanted, long bytes) {
        boolean encrypted = spark.getConf().getBoolean("spark.io.encryption.enabled", false);
        return choose(wanted, bytes, memory(spark), encrypted);
    }

    /**
     * @param memory storage memory of all executors, in bytes
     * @param encrypted whether the session encrypts local disks
     */
    static CacheStorage choose(ActivationCache wanted, long bytes, long memory, boolean encrypted) {
        boolean fits = bytes <= USABLE * memory;
        if (wanted == ActivationCache.MEMORY && !fits) {
            throw new ClusterException(
                    "cluster.memory",
                    "execution.activation_cache=memory: the activations need " + Bytes.text(bytes)
                            + ", but half of the executors' storage memory is "
                            + Bytes.text(Math.round(USABLE * memory))
                            + ". Give executors more memory, set activation_cache to auto or disk, or set"
                            + " activation_cache_type to float16",
                    null);
        }
        return encrypted || (fits && wanted != ActivationCache.DISK) ? CacheStorage.MEMORY : CacheStorage.DISK;
    }

    private static long memory(JavaSparkContext spark) {
        // The map includes the driver's block manager, which holds partitions only with a local master.
        String driver = spark.isLocal()
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
