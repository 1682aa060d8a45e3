package org.sparklora.driver.model.export;

import java.util.List;
import org.sparklora.driver.job.config.Task;

/**
 * What a model's outputs mean.
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

    /** Hugging Face's name of the loss that belongs to the task. */
    String problemType() {
        return switch (task) {
            case CLASSIFICATION, TOKEN_CLASSIFICATION -> "single_label_classification";
            case MULTI_LABEL -> "multi_label_classification";
            case REGRESSION -> "regression";
        };
    }

    /** The labels as config.json names them; a number has Hugging Face's default name. */
    List<String> names() {
        return labels.isEmpty() ? List.of("LABEL_0") : labels;
    }
}
