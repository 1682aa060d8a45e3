package org.sparklora.driver.model.export;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunDirectory.Content;

/** Writes the files of a model. */
final class ModelFiles {

    private ModelFiles() {}

    /**
     * Writes all files into an empty directory, or leaves the directory empty.
     *
     * @param files in the order in which they are written
     * @param config config.json, which is written last: without it, the files are not a model
     */
    static void write(RunDirectory directory, Map<String, Content> files, byte[] config) throws IOException {
        OutputGuard.refuseNonEmpty(directory);
        Map<String, Content> all = new LinkedHashMap<>(files);
        all.put("config.json", out -> out.write(config));
        List<String> begun = new ArrayList<>();
        try {
            for (Map.Entry<String, Content> file : all.entrySet()) {
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
