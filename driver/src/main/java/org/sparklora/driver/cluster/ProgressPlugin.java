package org.sparklora.driver.cluster;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.apache.spark.api.plugin.DriverPlugin;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.SparkPlugin;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.StepProgress;
import org.sparklora.worker.spark.ExecutorProgressPlugin;

/**
 * The Spark plugin through which executors tell of steps while a segment runs, over Spark's own RPC. {@link Sessions} puts
 * it into {@code spark.plugins}, which counts only before a context exists: on a session of somebody else's it is missing,
 * and the segments' results are what is shown.
 *
 * <p>Spark makes the plugin and gives no way to it, so who listens is kept here, for the JVM, by channel.
 */
public final class ProgressPlugin implements SparkPlugin {

    private static final Map<String, Consumer<StepProgress>> LISTENERS = new ConcurrentHashMap<>();

    /** Gives a channel's messages to a listener, on Spark's thread, until {@link #close}. */
    static void listen(String channel, Consumer<StepProgress> listener) {
        LISTENERS.put(channel, listener);
    }

    /** What still comes on a channel is dropped. */
    static void close(String channel) {
        LISTENERS.remove(channel);
    }

    @Override
    public DriverPlugin driverPlugin() {
        return new DriverPlugin() {
            @Override
            public @Nullable Object receive(Object message) {
                StepProgress.of(message).ifPresent(ProgressPlugin::received);
                return null; // Nobody asked.
            }
        };
    }

    private static void received(StepProgress step) {
        Consumer<StepProgress> listener = LISTENERS.get(step.channel());
        if (listener != null) {
            listener.accept(step);
        }
    }

    @Override
    public ExecutorPlugin executorPlugin() {
        return new ExecutorProgressPlugin();
    }
}
