package org.sparklora.driver.training;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import java.util.function.ToDoubleFunction;
import org.apache.spark.SparkEnv;
import org.apache.spark.metrics.MetricsSystem;
import org.apache.spark.metrics.source.Source;
import org.sparklora.driver.watch.progress.RunMeter;
import org.sparklora.driver.watch.progress.RunMeter.Snapshot;
import org.sparklora.worker.contract.GroupState;

/**
 * The run as gauges of Spark's metrics system, which gives them to whatever sinks are set: the Prometheus servlet, JMX,
 * Graphite. They are there from the run's start to its end, under the source {@code spark-lora} of the driver.
 *
 * <p>Works on any session, since a source can come at any time. Of several runs at once in one application the first has the
 * gauges.
 */
public final class RunGauges implements Source, AutoCloseable {

    /** What their names begin with, after application and {@code driver}. */
    public static final String SOURCE = "spark-lora";

    private final MetricRegistry registry = new MetricRegistry();
    private final RunMeter meter;
    private boolean shown;

    /** Gauges of what a meter reads. */
    public RunGauges(RunMeter meter) {
        this.meter = meter;
        gauge("epoch", r -> r.at().epoch());
        gauge("step", r -> r.at().stepsDone());
        gauge("steps", r -> r.at().steps());
        gauge("loss", r -> r.stats().loss());
        gauge("grad_norm", r -> r.stats().gradNorm());
        gauge("examples_per_second", r -> r.stats().examplesPerSecond());
        gauge("live_groups", r -> r.groups().in(GroupState.LIVE).size());
        gauge("trainable_parameters", Snapshot::trainableParameters);
    }

    /** Gives them to Spark, until closed. */
    public void show() {
        MetricsSystem spark = SparkEnv.get().metricsSystem();
        if (spark.getSourcesByName(SOURCE).isEmpty()) {
            spark.registerSource(this);
            shown = true;
        }
    }

    private void gauge(String name, ToDoubleFunction<Snapshot> value) {
        Gauge<Double> gauge = () -> value.applyAsDouble(meter.snapshot());
        registry.register(name, gauge);
    }

    @Override
    public String sourceName() {
        return SOURCE;
    }

    @Override
    public MetricRegistry metricRegistry() {
        return registry;
    }

    @Override
    public void close() {
        SparkEnv spark = SparkEnv.get();
        if (shown && spark != null) { // A context that was stopped in between took its metrics along.
            spark.metricsSystem().removeSource(this);
        }
    }
}
