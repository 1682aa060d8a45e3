package org.sparklora.driver.model.peft;

import java.util.List;
import java.util.Optional;

/**
 * What an adapter's configuration and model card say beyond groups and values.
 *
 * @param baseModel base_model_name_or_path: where PEFT looks for the base model
 * @param taskType PEFT's name, e.g. SEQ_CLS
 * @param loraDropout lora_dropout of the job
 * @param modulesToSave modules that are saved whole: the head
 * @param trainedOn what the adapter comes from; empty where that is not known
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
     * What an adapter was trained on, for its model card.
     *
     * @param source name of the training data, without its folder
     * @param rows training rows
     * @param validationRows 0: none
     * @param maxLength tokens at most of a text or pair
     * @param labels in the order of the head's outputs; empty for regression
     */
    public record TrainingSummary(String source, long rows, long validationRows, int maxLength, List<String> labels) {

        public TrainingSummary {
            labels = List.copyOf(labels);
        }
    }
}
