package org.sparklora.driver.model.export;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectory.Content;

/** The files of a model, in the order in which they are written. config.json comes last: without it, they are not a model. */
final class ModelFiles {

    private final Map<String, Content> files = new LinkedHashMap<>();
    private final byte[] config;

    ModelFiles(byte[] config) {
        this.config = config;
    }

    void add(String name, Content content) {
        files.put(name, content);
    }

    void add(String name, byte[] content) {
        files.put(name, out -> out.write(content));
    }

    /** Writes all files into an empty directory, or leaves the directory empty. */
    void write(RunDirectory directory) throws IOException {
        OutputGuard.refuseNonEmpty(directory);
        add("config.json", config);
        List<String> begun = new ArrayList<>();
        try {
            for (Map.Entry<String, Content> file : files.entrySet()) {
                begun.add(file.getKey());
                directory.write(file.getKey(), file.getValue());
            }
        } catch (IOException | RuntimeException e) {
            clear(directory, begun, e);
            throw e;
        }
    }

    /** Deletes what was written, because the next attempt needs an empty directory. */
    private static void clear(RunDirectory directory, List<String> names, Exception reason) {
        for (String name : names) {
            try {
                directory.delete(name);
            } catch (IOException | RuntimeException e) {
                reason.addSuppressed(e);
            }
        }
    }
}
