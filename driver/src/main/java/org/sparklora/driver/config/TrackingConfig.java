package org.sparklora.driver.config;

import java.util.Collections;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Where metrics go besides the run directory; settings by key, as plain values. */
public record TrackingConfig(
        Optional<SortedMap<String, Object>> mlflow, Optional<SortedMap<String, Object>> tensorboard) {

    /** Nowhere. */
    public static final TrackingConfig NONE = new TrackingConfig(Optional.empty(), Optional.empty());

    public TrackingConfig {
        mlflow = mlflow.map(TrackingConfig::copy);
        tensorboard = tensorboard.map(TrackingConfig::copy);
    }

    private static SortedMap<String, Object> copy(SortedMap<String, Object> settings) {
        return Collections.unmodifiableSortedMap(new TreeMap<>(settings));
    }
}
