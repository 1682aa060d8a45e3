package org.sparklora.driver.model.export;

import java.util.List;
import org.sparklora.driver.job.config.Task;

/**
 * The meaning of a model's outputs.
 *
 * @param labels label texts in the order of the outputs; empty for regression
 */
public record Outputs(Task task, List<String> labels) {

    public Outputs {
        labels = List.copyOf(labels);
        if (labels.isEmpty() != (task == Task.REGRESSION)) {
            throw new IllegalArgumentException(task + " with the labels " + labels);
        }
    }

    /** Hugging Face's name of the task's loss. */
    String problemType() {
        return switch (task) {
            case CLASSIFICATION, TOKEN_CLASSIFICATION -> "single_label_classification";
            case MULTI_LABEL -> "multi_label_classification";
            case REGRESSION -> "regression";
        };
    }

    /** The labels for config.json; regression has Hugging Face's default name. */
    List<String> names() {
        return labels.isEmpty() ? List.of("LABEL_0") : labels;
    }
}
