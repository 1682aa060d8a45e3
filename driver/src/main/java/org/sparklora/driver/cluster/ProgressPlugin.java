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
 * The Spark plugin through which executors report steps while a segment runs, over Spark's own RPC. {@link Sessions} adds it to
 * {@code spark.plugins} before the context exists. A session created elsewhere lacks the plugin; then progress is shown when a
 * segment ends.
 *
 * <p>Spark creates the plugin and gives no access to it, so the listeners are static, by channel.
 */
public final class ProgressPlugin implements SparkPlugin {

    private static final Map<String, Consumer<StepProgress>> LISTENERS = new ConcurrentHashMap<>();

    /** Passes a channel's messages to a listener, on Spark's thread, until {@link #close}. */
    static void listen(String channel, Consumer<StepProgress> listener) {
        LISTENERS.put(channel, listener);
    }

    /** Ends listening. Later messages on the channel are dropped. */
    static void close(String channel) {
        LISTENERS.remove(channel);
    }

    @Override
    public DriverPlugin driverPlugin() {
        return new DriverPlugin() {
            @Override
            public @Nullable Object receive(Object message) {
                StepProgress.of(message).ifPresent(ProgressPlugin::received);
                return null; // No reply.
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
