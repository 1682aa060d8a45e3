package org.sparklora.worker.spark;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.spark.api.plugin.ExecutorPlugin;
import org.apache.spark.api.plugin.PluginContext;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.StepProgress;

/**
 * The executor's half of the plugin that tells the driver of steps while a segment runs. Nobody waits for a message: it is
 * handed to Spark's RPC, in some 0.03 ms, and what becomes of it is not asked.
 *
 * <p>Spark makes one per executor JVM and gives tasks no way to it, so the way is kept here, for the JVM. Where the plugin
 * is not loaded nothing is sent, and the driver has the segments' results.
 */
public final class ExecutorProgressPlugin implements ExecutorPlugin {

    private static final AtomicReference<@Nullable PluginContext> DRIVER = new AtomicReference<>();

    @Override
    public void init(PluginContext context, Map<String, String> extraConf) {
        DRIVER.set(context);
    }

    @Override
    public void shutdown() {
        DRIVER.set(null);
    }

    /** Sends a step on its way, if there is one. */
    static void tell(StepProgress step) {
        PluginContext driver = DRIVER.get();
        if (driver == null) {
            return;
        }
        try {
            driver.send(step.message());
        } catch (IOException | RuntimeException e) {
            // A message lost is a line not shown. A driver that is gone ends the task by other ways.
            DRIVER.compareAndSet(driver, null);
        }
    }
}
