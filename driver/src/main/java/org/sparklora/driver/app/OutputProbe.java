package org.sparklora.driver.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.OutputGuard;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.watch.doctor.Finding;
import org.sparklora.worker.contract.CodedException;

/** Checks that a run directory is writable: writes a file, reads it back, and deletes everything it created. */
record OutputProbe(RunDirectory directory) {

    private static final String NAME = "doctor-was-here.txt";

    /**
     * Runs the check.
     *
     * @throws OutputException if the directory is not writable
     */
    Finding finding() {
        List<Path> created = missing();
        try {
            byte[] text = "written by spark-lora doctor".getBytes(StandardCharsets.UTF_8);
            directory.write(NAME, text);
            boolean same = Arrays.equals(directory.read(NAME), text);
            directory.delete(NAME);
            if (!same) {
                return Finding.problem(
                        "output " + directory.location() + " returns other bytes than were written",
                        "check its disk or give another --output");
            }
            if (OutputGuard.holdsRun(directory)) {
                return Finding.warning(
                        "output " + directory.location() + " is writable and holds a run",
                        CodedException.withCode("output.occupied", "train needs --resume or --overwrite"));
            }
            return Finding.ok("output " + directory.location() + " is writable");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            remove(created);
        }
    }

    /** The folders that writing will create, deepest first. Only for local file systems; elsewhere an empty one may remain. */
    private List<Path> missing() {
        List<Path> missing = new ArrayList<>();
        if (directory instanceof LocalRunDirectory) {
            Path path = Path.of(directory.location()).toAbsolutePath().normalize();
            for (Path folder = path; folder != null && !Files.exists(folder); folder = folder.getParent()) {
                missing.add(folder);
            }
        }
        return missing;
    }

    private static void remove(List<Path> created) {
        for (Path folder : created) {
            try {
                Files.deleteIfExists(folder);
            } catch (IOException e) {
                // Someone else has put a file into it, so it stays.
                return;
            }
        }
    }
}
