package org.sparklora.driver.job.fts;

import java.util.ArrayList;
import java.util.List;
import org.sparklora.driver.job.manifest.LinearModule;

/** BERT models as the model side would hand them in. */
final class FtsModels {

    private FtsModels() {}

    /** 12 layers, small. */
    static FtsModel bert() {
        List<LinearModule> linears = new ArrayList<>();
        List<String> parameters = new ArrayList<>();
        for (String table : List.of("word", "position", "token_type")) {
            parameters.add("bert.embeddings." + table + "_embeddings.weight");
        }
        addBoth(parameters, "bert.embeddings.LayerNorm");
        for (int i = 0; i < 12; i++) {
            String layer = "bert.encoder.layer." + i + ".";
            for (String name : List.of("query", "key", "value")) {
                linears.add(new LinearModule(layer + "attention.self." + name, 32, 32));
            }
            linears.add(new LinearModule(layer + "attention.output.dense", 32, 32));
            linears.add(new LinearModule(layer + "intermediate.dense", 32, 64));
            linears.add(new LinearModule(layer + "output.dense", 64, 32));
            addBoth(parameters, layer + "attention.output.LayerNorm");
            addBoth(parameters, layer + "output.LayerNorm");
        }
        linears.add(new LinearModule("bert.pooler.dense", 32, 32));
        linears.forEach(linear -> addBoth(parameters, linear.path()));
        return new FtsModel(linears, parameters);
    }

    private static void addBoth(List<String> parameters, String module) {
        parameters.add(module + ".weight");
        parameters.add(module + ".bias");
    }
}
