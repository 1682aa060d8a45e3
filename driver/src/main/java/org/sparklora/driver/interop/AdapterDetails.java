package org.sparklora.driver.interop;

import java.util.List;

/**
 * What an adapter's configuration says beyond groups and values.
 *
 * @param baseModel base_model_name_or_path: where PEFT looks for the base model
 * @param taskType PEFT's name, e.g. SEQ_CLS
 * @param loraDropout lora_dropout of the job
 * @param modulesToSave modules that are saved whole: the head
 */
public record AdapterDetails(String baseModel, String taskType, double loraDropout, List<String> modulesToSave) {

    public AdapterDetails {
        modulesToSave = modulesToSave.stream().sorted().toList();
    }

    /** For a model whose head is {@code classifier} and decides over whole texts. */
    public static AdapterDetails sequenceClassifier(String baseModel, double loraDropout) {
        return new AdapterDetails(baseModel, "SEQ_CLS", loraDropout, List.of("classifier"));
    }
}
