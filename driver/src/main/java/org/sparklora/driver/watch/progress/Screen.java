package org.sparklora.driver.watch.progress;

import java.time.Duration;

/** Where a person reads how a run goes: a terminal, or a log file. */
public interface Screen {

    /** A line that stays; without a line end. */
    void line(String text);

    /** How the steps go now. A terminal shows it in place of the last such line, a file gets one line more. */
    void status(String text);

    /** Between two calls of {@link #status}. */
    Duration interval();
}
