package org.sparklora.driver.watch.tracking;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ResolvedYaml;
import org.sparklora.driver.job.config.TrackingConfig;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * Shows a run wherever its job says. Call order: {@link #open}, {@link #published} with every line of the history from its
 * first on, {@link #end} once the run directory is complete.
 */
public final class Tracking {

    private final List<Delivery> deliveries;

    private Tracking(List<Delivery> deliveries) {
        this.deliveries = List.copyOf(deliveries);
    }

    /** Shows nothing. */
    public static Tracking none() {
        return new Tracking(List.of());
    }

    /**
     * What there is around a run.
     *
     * @param directory the run's own
     * @param directories opens others, by the path that a person gave
     * @param environment variables, which hold credentials
     * @param warnings takes lines for a person, from any thread
     */
    public record Surroundings(
            RunDirectory directory,
            Function<String, RunDirectory> directories,
            Map<String, String> environment,
            Consumer<String> warnings,
            Clock clock) {}

    /** Begins, without asking anybody anything yet. */
    public static Tracking open(JobConfig job, Surroundings around) {
        TrackingConfig tracking = job.tracking();
        List<Delivery> deliveries = new ArrayList<>();
        tracking.mlflow().ifPresent(mlflow -> {
            MlflowClient client = new MlflowClient(mlflow.uri(), around.environment());
            MlflowRun.Job shown = new MlflowRun.Job(mlflow.experiment(), job.name(), ResolvedYaml.leaves(job));
            deliveries.add(Delivery.start(
                    new MlflowRun(shown, client, around.directory(), around.warnings(), around.clock()),
                    around.warnings()));
        });
        tracking.tensorboard()
                .ifPresent(directory -> deliveries.add(Delivery.start(
                        new TensorBoardFiles(
                                directory, () -> around.directories().apply(directory)),
                        around.warnings())));
        return new Tracking(deliveries);
    }

    /** Lines that the history has published. Does not wait. */
    public void published(List<String> lines) {
        deliveries.forEach(delivery -> delivery.published(lines));
    }

    /** The run is over. Waits for what is on its way, for a bounded time. */
    public void end(Outcome outcome) {
        deliveries.forEach(delivery -> delivery.end(outcome));
    }
}
