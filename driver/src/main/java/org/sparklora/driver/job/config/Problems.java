package org.sparklora.driver.job.config;

import java.util.ArrayList;
import java.util.List;

/** Collects what is wrong, so that a user sees all of it at once. */
final class Problems {

    private final List<String> lines = new ArrayList<>();

    void add(String line) {
        lines.add(line);
    }

    List<String> lines() {
        return List.copyOf(lines);
    }

    void throwIfAny(String file) {
        if (!lines.isEmpty()) {
            throw new ConfigException(file, lines);
        }
    }
}
