package org.sparklora.driver.watch.report;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;

/**
 * The report page of a run directory, in any state of the run. Later pages read only the new lines of the history, so a run
 * that writes its page after every epoch reads each line once. Thread-safe.
 */
public final class RunReport {

    /** File name in the run directory. */
    public static final String FILE = "report.html";

    private final RunDirectory directory;
    private RunData run;
    private int bytesRead;

    public RunReport(RunDirectory directory) {
        this.directory = directory;
        this.run = new RunData(directory.location());
    }

    /** Reads the directory and writes the page into it. */
    public synchronized void write(Language language) throws IOException {
        directory.write(FILE, page(List.of(this), language));
    }

    /**
     * A page about one run, or about several runs side by side.
     *
     * @throws OutputException if a directory contains no run or cannot be read
     */
    public static byte[] page(List<RunReport> reports, Language language) {
        List<RunData> runs = new ArrayList<>();
        for (RunReport report : reports) {
            runs.add(report.read());
        }
        return Page.html(runs, new Messages(language)).getBytes(StandardCharsets.UTF_8);
    }

    private synchronized RunData read() {
        try {
            Optional<byte[]> history = directory.find(RunHistory.FILE);
            Optional<byte[]> status = directory.find(RunStatus.FILE);
            if (history.isEmpty() && status.isEmpty()) {
                throw OutputException.noRun(directory.location());
            }
            byte[] lines = history.orElse(new byte[0]);
            if (lines.length < bytesRead) {
                // The run was overwritten.
                run = new RunData(directory.location());
                bytesRead = 0;
            }
            run.readHistory(lines, bytesRead);
            bytesRead = lines.length;
            run.readFiles(status, directory.find("manifest.json"), directory.find("config.yaml"));
            return run;
        } catch (IOException e) {
            throw OutputException.reading(directory.location(), e);
        }
    }
}
