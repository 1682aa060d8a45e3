package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.SparkEnv;
import org.sparklora.worker.contract.ClockReading;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction1;

/** Reads the clock of its host, and measures the speed of its slot. */
public final class ClockTask extends AbstractFunction1<Iterator<Integer>, Iterator<ClockReading>>
        implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final int ROUNDS = 50;
    private static final int ADDITIONS = 100_000;

    @Override
    public Iterator<ClockReading> apply(Iterator<Integer> partition) {
        String host = SparkEnv.get().blockManager().blockManagerId().host();
        ClockReading reading = new ClockReading(host, System.currentTimeMillis(), workNanos());
        return JavaConverters.asScalaIteratorConverter(List.of(reading).iterator())
                .asScala();
    }

    /** Many short rounds, so that one is not interrupted on a machine that does other work as well. */
    private static long workNanos() {
        long least = Long.MAX_VALUE;
        float value = 1;
        for (int round = 0; round < ROUNDS; round++) {
            long began = System.nanoTime();
            for (int i = 0; i < ADDITIONS; i++) {
                value = value * 0.999f + 0.001f;
            }
            least = Math.min(least, System.nanoTime() - began);
        }
        // The value is used, so that no compiler leaves the loop out.
        return value > 0 ? least : Long.MAX_VALUE;
    }
}
