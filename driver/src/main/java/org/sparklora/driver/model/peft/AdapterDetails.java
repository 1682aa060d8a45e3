package org.sparklora.driver.model.peft;

import java.util.List;
import java.util.Optional;

/**
 * The facts in an adapter's configuration and model card besides groups and values.
 *
 * @param baseModel base_model_name_or_path, where PEFT looks for the base model: a path, or a hub's id with its revision
 * @param taskType PEFT's name, e.g. SEQ_CLS
 * @param loraDropout lora_dropout of the job
 * @param modulesToSave modules that are saved whole: the head
 * @param trainedOn the training data, if known
 */
public record AdapterDetails(
        String baseModel,
        String taskType,
        double loraDropout,
        List<String> modulesToSave,
        Optional<TrainingSummary> trainedOn) {

    public AdapterDetails {
        modulesToSave = modulesToSave.stream().sorted().toList();
    }

    /**
     * The training data of an adapter, for its model card.
     *
     * @param source name of the training data, without its folder
     * @param rows training rows
     * @param validationRows validation rows; 0 without validation
     * @param maxLength maximum tokens of a text or pair
     * @param labels in the order of the head's outputs; empty for regression
     */
    public record TrainingSummary(String source, long rows, long validationRows, int maxLength, List<String> labels) {

        public TrainingSummary {
            labels = List.copyOf(labels);
        }
    }
}
