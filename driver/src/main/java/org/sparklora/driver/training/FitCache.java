package org.sparklora.driver.training;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.spark.SparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.apache.spark.sql.SparkSession;

/**
 * The rows that fits of Spark ML estimators in one Spark application share. {@code CrossValidator} and its like call {@code fit} for
 * each parameter map, from threads of their own, so nothing but the rows themselves tells that they are the same.
 *
 * <p>The rows of two keys stay until the application ends. Then Spark removes them, and they are forgotten here.
 */
public final class FitCache {

    /** Spark's setting that turns sharing off. */
    static final String SETTING = "spark.lora.fitCache";

    /** A fold, and what an estimator trains on the rows of all folds. */
    private static final int KEPT = 2;

    private static final Map<SparkContext, SharedRows> OPEN = new ConcurrentHashMap<>();

    private FitCache() {}

    /** The shared rows of a session's application; empty if the session turns them off. */
    static Optional<SharedRows> of(SparkSession spark) {
        return isOn(spark) ? Optional.of(OPEN.computeIfAbsent(spark.sparkContext(), FitCache::open)) : Optional.empty();
    }

    /** Whether fits and their models share work; refuses a setting that is neither on nor off. */
    public static boolean isOn(SparkSession spark) {
        return UsageException.isOn(SETTING, spark.conf().get(SETTING, "on"));
    }

    private static SharedRows open(SparkContext context) {
        context.addSparkListener(new SparkListener() {
            @Override
            public void onApplicationEnd(SparkListenerApplicationEnd end) {
                OPEN.remove(context);
            }
        });
        return new SharedRows(KEPT);
    }
}
