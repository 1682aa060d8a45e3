package org.sparklora.driver.training;

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

/** Whether a run directory can be written: writes a file there, reads it back and removes what it made. */
public final class OutputProbe {

    private static final String NAME = "doctor-was-here.txt";

    private final RunDirectory directory;

    public OutputProbe(RunDirectory directory) {
        this.directory = directory;
    }

    /**
     * What came of it.
     *
     * @throws OutputException where it cannot be written
     */
    public Finding finding() {
        List<Path> made = missing();
        try {
            byte[] text = "written by spark-lora doctor".getBytes(StandardCharsets.UTF_8);
            directory.write(NAME, text);
            boolean same = Arrays.equals(directory.read(NAME), text);
            directory.delete(NAME);
            if (!same) {
                return Finding.problem(
                        "output " + directory.location() + " does not give back what was written",
                        "check its disk, or give another --output");
            }
            if (OutputGuard.holdsRun(directory)) {
                return Finding.warning(
                        "output " + directory.location() + " can be written, and holds a run",
                        "train refuses it without --resume or --overwrite");
            }
            return Finding.ok("output " + directory.location() + " can be written");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            remove(made);
        }
    }

    /** The folders that writing will make on a local file system, the deepest first. Elsewhere an empty one may stay. */
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

    private static void remove(List<Path> made) {
        for (Path folder : made) {
            try {
                Files.deleteIfExists(folder);
            } catch (IOException e) {
                // Somebody has put something into it since: it is theirs now.
                return;
            }
        }
    }
}
