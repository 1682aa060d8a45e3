package org.sparklora.driver.job.manifest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The Linears of BERT models, as the model side would hand them in. */
final class Modules {

    static final Path GOLDEN =
            Path.of(System.getProperty("project.root", "."), "worker", "src", "test", "resources", "golden");

    private static final ObjectMapper JSON = new ObjectMapper();

    private Modules() {}

    /** 12 layers of 32 with 64 inside: every case of interest, small numbers. */
    static List<LinearModule> twelveLayers() {
        return bert(12, 32, 64);
    }

    static List<LinearModule> ofModel(String name) {
        JsonNode config = read(GOLDEN.resolve("models").resolve(name).resolve("config.json"));
        return bert(
                config.path("num_hidden_layers").asInt(),
                config.path("hidden_size").asInt(),
                config.path("intermediate_size").asInt());
    }

    static List<LinearModule> bert(int layers, int hidden, int intermediate) {
        List<LinearModule> modules = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            String layer = "bert.encoder.layer." + i + ".";
            for (String name : List.of("query", "key", "value")) {
                modules.add(new LinearModule(layer + "attention.self." + name, hidden, hidden));
            }
            modules.add(new LinearModule(layer + "attention.output.dense", hidden, hidden));
            modules.add(new LinearModule(layer + "intermediate.dense", hidden, intermediate));
            modules.add(new LinearModule(layer + "output.dense", intermediate, hidden));
        }
        modules.add(new LinearModule("bert.pooler.dense", hidden, hidden));
        return modules;
    }

    /** The targets in some layers, or in all with an empty list; nothing excluded. */
    static ModuleSelection selection(ModulePattern targets, List<Integer> layers) {
        return new ModuleSelection(targets, new JobValue<>("lora.exclude_modules", ModulePattern.NONE), layers);
    }

    /** One rank and alpha for every module. */
    static GroupSpec.Size size(int r, double alpha) {
        return new GroupSpec.Size(
                r,
                alpha,
                new JobValue<>("lora.rank_pattern", PatternMap.none()),
                new JobValue<>("lora.alpha_pattern", PatternMap.none()));
    }

    static JsonNode read(Path json) {
        try {
            return JSON.readTree(Files.readString(json));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
