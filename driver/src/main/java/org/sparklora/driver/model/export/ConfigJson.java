package org.sparklora.driver.model.export;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.sparklora.driver.job.config.Task;
import org.sparklora.driver.model.peft.PythonJson;
import org.sparklora.worker.encoder.EncoderConfig;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.DType;

/** The config.json of a tuned model: the base's, with the head, the labels and the element type set. */
final class ConfigJson {

    private ConfigJson() {}

    static byte[] of(Path base, Outputs outputs, DType dtype) {
        EncoderConfig config = EncoderConfig.read(base);
        ObjectNode json = read(base.resolve("config.json"));
        json.putArray("architectures").add(architecture(config, outputs.task()));
        // Without it transformers would not know which class this is.
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
        // transformers 5 calls it dtype; both versions read the other's spelling.
        json.put(json.has("dtype") ? "dtype" : "torch_dtype", dtype == DType.F16 ? "float16" : "float32");
        return PythonJson.bytes(json);
    }

    private static ObjectNode read(Path file) {
        try {
            return (ObjectNode) new ObjectMapper().readTree(Files.readAllBytes(file));
        } catch (IOException | ClassCastException e) {
            throw new ModelException(file + " cannot be read: " + e.getMessage() + "; copy the model again", e);
        }
    }

    /** The class of transformers that a model type's classifier has. */
    private static String architecture(EncoderConfig config, Task task) {
        String name = switch (config.modelType()) {
            case "bert" -> "Bert";
            case "roberta" -> "Roberta";
            case "xlm-roberta" -> "XLMRoberta";
            case "distilbert" -> "DistilBert";
            default ->
                throw config.problem("the class of transformers that model_type '" + config.modelType()
                        + "' has is not known here; this version exports: bert, distilbert, roberta, xlm-roberta");
        };
        return name + (task == Task.TOKEN_CLASSIFICATION ? "ForTokenClassification" : "ForSequenceClassification");
    }
}
