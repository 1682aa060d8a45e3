package org.sparklora.driver.watch.verify;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.sparklora.driver.job.manifest.ManifestException;
import org.sparklora.driver.job.manifest.ManifestFile;
import org.sparklora.driver.job.manifest.ManifestJson;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;

/**
 * What a run left behind, read and checked.
 *
 * @param configuration text of config.yaml; empty when there is none
 * @param status how the run ended, or that it has not
 * @param results empty for a run that did not finish
 */
public record RecordedRun(
        String location, String configuration, RecordedHistory history, RunStatus status, Optional<Results> results) {

    private static final String MANIFEST = "manifest.json";
    private static final String CONFIGURATION = "config.yaml";

    /** What only a finished run has. */
    record Results(ManifestFile manifest, RecordedAdapter adapter) {}

    /**
     * Reads a run directory.
     *
     * @throws OutputException when it holds no run or cannot be read
     * @throws CorruptRunException when a file is damaged, or missing though the run finished
     */
    public static RecordedRun read(RunDirectory directory) {
        try {
            return new Reader(directory).read();
        } catch (IOException e) {
            throw new OutputException(directory.location() + " cannot be read: " + e.getMessage()
                    + "; check the path and its permissions");
        }
    }

    private record Reader(RunDirectory directory) {

        RecordedRun read() throws IOException {
            boolean hasHistory = directory.exists(RunHistory.FILE);
            if (!hasHistory && !directory.exists(RunStatus.FILE)) {
                throw new OutputException(directory.location() + " holds no run: there is neither " + RunHistory.FILE
                        + " nor " + RunStatus.FILE + "; check the path");
            }
            RunStatus status = status();
            boolean finished = status.state() == RunStatus.State.FINISHED;
            RecordedHistory history = hasHistory || finished
                    ? RecordedHistory.parse(directory.location(), file(RunHistory.FILE))
                    : RecordedHistory.none();
            if (finished && !history.finished()) {
                throw new CorruptRunException(name(RunHistory.FILE), "ends before the run does: lines are missing");
            }
            String configuration = directory.exists(CONFIGURATION)
                    ? new String(directory.read(CONFIGURATION), StandardCharsets.UTF_8)
                    : "";
            return new RecordedRun(
                    directory.location(),
                    configuration,
                    history,
                    status,
                    finished ? Optional.of(results(status)) : Optional.empty());
        }

        private RunStatus status() throws IOException {
            try {
                return RunStatus.parse(file(RunStatus.FILE));
            } catch (OutputException e) {
                throw new CorruptRunException(name(RunStatus.FILE), "is no status of a run", e);
            }
        }

        private Results results(RunStatus status) throws IOException {
            String text = new String(file(MANIFEST), StandardCharsets.UTF_8);
            try {
                ManifestFile manifest = ManifestJson.read(text);
                String adapter = name(RecordedAdapter.FILE);
                return new Results(
                        manifest, RecordedAdapter.of(adapter, file(RecordedAdapter.FILE), status.adapterSha256()));
            } catch (ManifestException e) {
                // Each problem begins with the file's name.
                throw new CorruptRunException(directory.location() + "/" + String.join(", ", e.problems()), e);
            }
        }

        /** A file that has to be there. */
        private byte[] file(String name) throws IOException {
            if (!directory.exists(name)) {
                throw new CorruptRunException(name(name), "is missing");
            }
            return directory.read(name);
        }

        private String name(String file) {
            return directory.location() + "/" + file;
        }
    }
}
