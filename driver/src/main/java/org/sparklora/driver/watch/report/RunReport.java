package org.sparklora.driver.watch.report;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.run.history.StoredHistory;
import org.sparklora.driver.run.history.StoredHistory.Chunk;

/**
 * The report page of a run directory, in any state of the run. Later pages read only the new lines of the history, so a run
 * that writes its page after every epoch reads each line once. Thread-safe.
 */
public final class RunReport {

    /** File name in the run directory. */
    public static final String FILE = "report.html";

    private final RunDirectory directory;
    private RunData run;
    private long bytesRead;

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
        List<RunData> runs = reports.stream().map(RunReport::read).toList();
        return Page.html(runs, new Messages(language)).getBytes(StandardCharsets.UTF_8);
    }

    synchronized RunData read() {
        try {
            StoredHistory history = StoredHistory.of(directory);
            if (history.isEmpty() && !directory.exists(RunStatus.FILE)) {
                throw OutputException.noRun(directory.location());
            }
            if (!history.isLineEnd(bytesRead)) {
                // The run was overwritten.
                run = new RunData(directory.location());
                bytesRead = 0;
            }
            for (Chunk chunk = history.chunk(bytesRead); !chunk.lines().isEmpty(); chunk = history.chunk(bytesRead)) {
                run.readHistory(chunk.lines());
                bytesRead = chunk.end();
            }
            run.readFiles(directory);
            return run;
        } catch (IOException e) {
            throw OutputException.reading(directory.location(), e);
        }
    }
}
