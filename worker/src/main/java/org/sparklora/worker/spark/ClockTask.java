package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.SparkEnv;
import org.sparklora.worker.contract.ClockReading;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction1;

/** Reads the clock of its host. */
public final class ClockTask extends AbstractFunction1<Iterator<Integer>, Iterator<ClockReading>>
        implements Serializable {

    private static final long serialVersionUID = 1L;

    @Override
    public Iterator<ClockReading> apply(Iterator<Integer> partition) {
        String host = SparkEnv.get().blockManager().blockManagerId().host();
        ClockReading reading = new ClockReading(host, System.currentTimeMillis());
        return JavaConverters.asScalaIteratorConverter(List.of(reading).iterator())
                .asScala();
    }
}
