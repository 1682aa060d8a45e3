package org.sparklora.driver.model.export;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.model.peft.PythonJson;
import org.sparklora.worker.encoder.Architectures;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.safetensors.DType;

/** The config.json of a tuned model: the base's, with the head, the labels and the element type set. */
final class ConfigJson {

    private ConfigJson() {}

    static byte[] of(Path base, Outputs outputs, DType dtype) {
        EncoderConfig config = EncoderConfig.read(base);
        ObjectNode json = config.json();
        String task =
                outputs.task() == Task.TOKEN_CLASSIFICATION ? "ForTokenClassification" : "ForSequenceClassification";
        json.putArray("architectures").add(Architectures.className(config) + task);
        // Without model_type, transformers does not know the class.
        json.put("model_type", config.modelType());
        ObjectNode id2label = json.putObject("id2label");
        ObjectNode label2id = json.putObject("label2id");
        List<String> names = outputs.names();
        for (int id = 0; id < names.size(); id++) {
            id2label.put(Integer.toString(id), names.get(id));
            label2id.put(names.get(id), id);
        }
        json.put("num_labels", names.size());
        json.put("problem_type", outputs.problemType());
        // transformers 5 calls this key dtype; both versions read both spellings.
        json.put(json.has("dtype") ? "dtype" : "torch_dtype", dtype == DType.F16 ? "float16" : "float32");
        return PythonJson.bytes(json);
    }
}
