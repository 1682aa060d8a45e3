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
 * Prints lines for people, in UTF-8 and independent of the machine's locale. On a terminal the last line of stderr may be a
 * status line, which the next line replaces.
 */
public final class Console {

    /** Linux links this to the file or terminal behind stderr. On other systems stderr counts as a file. */
    private static final Path STDERR = Path.of("/proc/self/fd/2");

    private static boolean statusShown;

    private Console() {}

    /** Prints a result line to stdout. */
    public static void out(String format, Object... values) {
        line(System.out, String.format(Locale.ROOT, format, values));
    }

    /** Prints a line of progress or an error to stderr. */
    public static void err(String format, Object... values) {
        line(System.err, String.format(Locale.ROOT, format, values));
    }

    /** Prints an unformatted line to stderr. */
    public static void progress(String text) {
        line(System.err, text);
    }

    /** Shows progress on stderr. */
    static Screen screen() {
        return new Stderr(isTerminal());
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

    /** Whether a file name is that of a terminal. */
    static boolean isTerminal(String name) {
        return name.startsWith("/dev/pts/") || name.startsWith("/dev/tty") || name.equals("/dev/console");
    }

    /** On a terminal, status lines replace each other, five a second. A file gets a line every five seconds. */
    record Stderr(boolean terminal) implements Screen {

        @Override
        public void line(String text) {
            progress(text);
        }

        @Override
        public void status(String text) {
            if (terminal) {
                Console.status(text);
            } else {
                progress(text);
            }
        }

        @Override
        public Duration interval() {
            return Duration.ofMillis(terminal ? 200 : 5_000);
        }
    }

    // Callers pass System.out or System.err each time, because tests replace them.
    private static synchronized void line(PrintStream stream, String text) {
        if (statusShown) {
            statusShown = false;
            write(System.err, "\r\u001b[K");
        }
        write(stream, text + System.lineSeparator());
    }

    /** Turns line wrapping off, because only the last row of a wrapped line would be replaced. */
    private static synchronized void status(String text) {
        statusShown = true;
        write(System.err, "\r\u001b[?7l" + text + "\u001b[K\u001b[?7h");
    }

    private static void write(PrintStream stream, String text) {
        PrintStream utf8 = new PrintStream(stream, true, StandardCharsets.UTF_8);
        utf8.print(text);
        utf8.flush();
    }
}
