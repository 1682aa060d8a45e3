package org.sparklora.driver.watch.tracking;

import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.ResolvedYaml;
import org.sparklora.driver.job.config.Secrets;
import org.sparklora.driver.job.config.TrackingConfig;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.StoredHistory;

/**
 * Shows a run in the tools that its job configures. Call order: {@link #open}, {@link #published} with every further line of
 * the history, {@link #end} when the run directory is complete.
 */
public final class Tracking {

    private final List<Delivery> deliveries;

    private Tracking(List<Delivery> deliveries) {
        this.deliveries = List.copyOf(deliveries);
    }

    /** How a run ended. */
    public enum Outcome {
        FINISHED,
        FAILED,
        CANCELLED
    }

    /** Tracking that shows nothing. */
    public static Tracking none() {
        return new Tracking(List.of());
    }

    /**
     * The environment of a run.
     *
     * @param directory the run directory
     * @param directories opens another directory by its path
     * @param variables environment variables, which hold credentials
     * @param warnings receives lines for the user, on any thread
     */
    public record Environment(
            RunDirectory directory,
            Function<String, RunDirectory> directories,
            Map<String, String> variables,
            Consumer<String> warnings,
            Clock clock) {}

    /**
     * Starts tracking. Connections are opened later, with the first lines.
     *
     * @param earlier what was published before, if the run is resumed
     */
    public static Tracking open(JobConfig job, StoredHistory earlier, Environment environment) {
        TrackingConfig tracking = job.tracking();
        List<Destination> destinations = new ArrayList<>();
        tracking.mlflow()
                .ifPresent(mlflow -> destinations.add(new MlflowRun(
                        new MlflowRun.Job(mlflow.experiment(), job.name(), Secrets.redacted(ResolvedYaml.leaves(job))),
                        new MlflowClient(mlflow.uri(), environment.variables()),
                        environment)));
        tracking.tensorboard()
                .ifPresent(directory -> destinations.add(new TensorBoardFiles(
                        directory, () -> environment.directories().apply(directory))));
        return new Tracking(destinations.stream()
                .map(destination -> Delivery.start(destination, earlier, environment.warnings()))
                .toList());
    }

    /** Shows published lines of the history. Does not block. */
    public void published(List<String> lines) {
        deliveries.forEach(delivery -> delivery.published(lines));
    }

    /** The run is over. Waits a bounded time for what is not sent yet. */
    public void end(Outcome outcome) {
        deliveries.forEach(delivery -> delivery.end(outcome));
    }
}
