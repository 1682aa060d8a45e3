package org.sparklora.driver.job.config;

import java.util.Optional;

/**
 * Where metrics go besides the run directory.
 *
 * @param tensorboard directory for event files
 */
public record TrackingConfig(Optional<Mlflow> mlflow, Optional<String> tensorboard) {

    /** Nowhere. */
    public static final TrackingConfig NONE = new TrackingConfig(Optional.empty(), Optional.empty());

    /**
     * An MLflow tracking server.
     *
     * @param uri its address, http or https
     * @param experiment name of the experiment that the run belongs to
     */
    public record Mlflow(String uri, String experiment) {

        /** MLflow's default experiment. */
        static final String DEFAULT_EXPERIMENT = "Default";
    }
}
