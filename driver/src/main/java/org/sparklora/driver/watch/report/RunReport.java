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
 * The report of one run directory, whatever state the run is in. Of the history it takes in what is new since the last time,
 * so a run that writes its page at every epoch's end reads each line once. Safe from any thread.
 */
public final class RunReport {

    /** Its name in the run directory. */
    public static final String FILE = "report.html";

    private final RunDirectory directory;
    private RunStory story;
    private int taken;

    public RunReport(RunDirectory directory) {
        this.directory = directory;
        this.story = new RunStory(directory.location());
    }

    /** Reads what the directory holds by now, and writes the page into it. */
    public synchronized void write(Language language) throws IOException {
        directory.write(FILE, page(List.of(this), language));
    }

    /**
     * A page about one run, or about several side by side.
     *
     * @throws OutputException when a directory holds no run, or cannot be read
     */
    public static byte[] page(List<RunReport> reports, Language language) {
        List<RunStory> stories = new ArrayList<>();
        for (RunReport report : reports) {
            stories.add(report.read());
        }
        return new Page(stories, new Messages(language)).html().getBytes(StandardCharsets.UTF_8);
    }

    private synchronized RunStory read() {
        try {
            Optional<byte[]> history = file(RunHistory.FILE);
            Optional<byte[]> status = file(RunStatus.FILE);
            if (history.isEmpty() && status.isEmpty()) {
                throw new OutputException(directory.location() + " holds no run: there is neither " + RunHistory.FILE
                        + " nor " + RunStatus.FILE + "; check the path");
            }
            byte[] lines = history.orElse(new byte[0]);
            if (lines.length < taken) {
                // Another history than before: a run was overwritten.
                story = new RunStory(directory.location());
                taken = 0;
            }
            story.read(lines, taken);
            taken = lines.length;
            story.status(status);
            story.manifest(file("manifest.json"));
            story.configuration(file("config.yaml"));
            return story;
        } catch (IOException e) {
            throw new OutputException(directory.location() + " cannot be read: " + e.getMessage()
                    + "; check the path and its permissions");
        }
    }

    private Optional<byte[]> file(String name) throws IOException {
        return directory.exists(name) ? Optional.of(directory.read(name)) : Optional.empty();
    }
}
