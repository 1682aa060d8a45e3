package org.sparklora.driver.model.peft;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.sparklora.worker.safetensors.SafetensorsFile;
import org.sparklora.worker.safetensors.Tensor;

/** The adapters that PEFT 0.3.0 and current PEFT wrote. */
final class Golden {

    private static final Path CASES =
            Path.of(System.getProperty("project.root", "..")).resolve("worker/src/test/resources/golden/cases");

    private Golden() {}

    /** Files below the cases with this name, in order. */
    static List<Path> named(String name) throws IOException {
        try (Stream<Path> files = Files.walk(CASES)) {
            return files.filter(f -> f.endsWith(name)).sorted().toList();
        }
    }

    static Path dir(String caseAndAdapter) {
        return CASES.resolve(caseAndAdapter);
    }

    static SortedMap<String, Tensor> tensors(Path file) {
        SortedMap<String, Tensor> tensors = new TreeMap<>();
        try (SafetensorsFile open = SafetensorsFile.open(file)) {
            open.names().forEach(name -> tensors.put(name, open.tensor(name)));
        }
        return tensors;
    }
}
