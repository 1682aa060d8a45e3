package org.sparklora.driver.spark;

import java.util.List;
import org.sparklora.driver.config.Task;

/**
 * What a head's outputs mean.
 *
 * @param names label texts in the order of the outputs; empty for regression
 */
public record TaskLabels(Task task, List<String> names) {

    public TaskLabels {
        names = List.copyOf(names);
    }
}
