package org.sparklora.driver.cluster;

import java.util.List;
import org.sparklora.driver.job.config.Task;

/**
 * The task, and the labels of the head's outputs.
 *
 * @param names label texts in the order of the outputs; empty for regression
 */
public record TaskLabels(Task task, List<String> names) {

    public TaskLabels {
        names = List.copyOf(names);
    }
}
