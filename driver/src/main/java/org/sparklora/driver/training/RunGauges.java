package org.sparklora.driver.training;

import com.codahale.metrics.Gauge;
import com.codahale.metrics.MetricRegistry;
import java.util.function.ToDoubleFunction;
import org.apache.spark.SparkEnv;
import org.apache.spark.metrics.MetricsSystem;
import org.apache.spark.metrics.source.Source;
import org.sparklora.driver.watch.progress.Progress;
import org.sparklora.driver.watch.progress.Progress.Snapshot;
import org.sparklora.worker.contract.GroupState;

/**
 * Publishes a run's progress as gauges of Spark's metrics system, from where sinks such as the Prometheus servlet, JMX and
 * Graphite read them. The driver has them as the source {@code spark-lora} while the run lasts.
 *
 * <p>Any session will do, because sources may be added at any time. If an application has several runs at once, only the first
 * has gauges.
 */
final class RunGauges implements Source, AutoCloseable {

    /** The part of a gauge's name after application and {@code driver}. */
    static final String SOURCE = "spark-lora";

    private final MetricRegistry registry = new MetricRegistry();
    private final Progress progress;
    private boolean shown;

    RunGauges(Progress progress) {
        this.progress = progress;
        gauge("epoch", r -> r.at().epoch());
        gauge("step", r -> r.at().stepsDone());
        gauge("steps", r -> r.at().steps());
        gauge("loss", r -> r.stats().loss());
        gauge("grad_norm", r -> r.stats().gradNorm());
        gauge("examples_per_second", r -> r.stats().examplesPerSecond());
        gauge("live_groups", r -> r.groups().in(GroupState.LIVE).size());
        gauge("trainable_parameters", Snapshot::trainableParameters);
    }

    /** Registers the gauges with Spark until {@link #close}. */
    void show() {
        MetricsSystem spark = SparkEnv.get().metricsSystem();
        if (spark.getSourcesByName(SOURCE).isEmpty()) {
            spark.registerSource(this);
            shown = true;
        }
    }

    private void gauge(String name, ToDoubleFunction<Snapshot> value) {
        Gauge<Double> gauge = () -> value.applyAsDouble(progress.snapshot());
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
        if (shown && spark != null) { // A stopped context has dropped its metrics.
            spark.metricsSystem().removeSource(this);
        }
    }
}
