package org.sparklora.driver.training;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import org.sparklora.driver.watch.progress.Progress.Screen;

/**
 * Lines for people, in UTF-8 and with the same digits whatever the machine's locale. On a terminal the last line of stderr
 * may be a status, which whatever comes next replaces; elsewhere every line stays.
 */
public final class Console {

    /** Where Linux says what stderr is; elsewhere it is taken for a file. */
    private static final Path STDERR = Path.of("/proc/self/fd/2");

    private static boolean statusShown;

    private Console() {}

    /** A line on stdout: results. */
    public static void out(String format, Object... values) {
        line(System.out, String.format(Locale.ROOT, format, values));
    }

    /** A line on stderr: progress and errors. */
    public static void err(String format, Object... values) {
        line(System.err, String.format(Locale.ROOT, format, values));
    }

    /** A line on stderr as it is. */
    public static void progress(String text) {
        line(System.err, text);
    }

    /** stderr, for progress. */
    public static Screen screen() {
        return isTerminal() ? new Terminal() : new LogFile();
    }

    private static boolean isTerminal() {
        if ("dumb".equals(System.getenv("TERM"))) {
            return false;
        }
        try {
            return isTerminal(Files.readSymbolicLink(STDERR).toString());
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }

    /** Whether a file of this name is a terminal. */
    public static boolean isTerminal(String name) {
        return name.startsWith("/dev/pts/") || name.startsWith("/dev/tty") || name.equals("/dev/console");
    }

    /** Rewrites one line, a few times a second. */
    public static final class Terminal implements Screen {

        private static final Duration INTERVAL = Duration.ofMillis(200);

        @Override
        public void line(String text) {
            progress(text);
        }

        @Override
        public void status(String text) {
            Console.status(System.err, text);
        }

        @Override
        public Duration interval() {
            return INTERVAL;
        }
    }

    /** One line after the other, every few seconds. */
    public static final class LogFile implements Screen {

        private static final Duration INTERVAL = Duration.ofSeconds(5);

        @Override
        public void line(String text) {
            progress(text);
        }

        @Override
        public void status(String text) {
            progress(text);
        }

        @Override
        public Duration interval() {
            return INTERVAL;
        }
    }

    // The stream is asked for each time: tests exchange it.
    private static synchronized void line(PrintStream stream, String text) {
        if (statusShown) {
            statusShown = false;
            write(System.err, "\r\u001b[K");
        }
        write(stream, text + System.lineSeparator());
    }

    /** Without wrapping, since only the last row of a longer line would be replaced. */
    private static synchronized void status(PrintStream stream, String text) {
        statusShown = true;
        write(stream, "\r\u001b[?7l" + text + "\u001b[K\u001b[?7h");
    }

    private static void write(PrintStream stream, String text) {
        PrintStream utf8 = new PrintStream(stream, true, StandardCharsets.UTF_8);
        utf8.print(text);
        utf8.flush();
    }
}
