package org.sparklora.driver.app;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Lines for people, in UTF-8 and with the same digits whatever the machine's locale. */
final class Console {

    private Console() {}

    /** A line on stdout: results. */
    static void out(String format, Object... values) {
        line(System.out, String.format(Locale.ROOT, format, values));
    }

    /** A line on stderr: progress and errors. */
    static void err(String format, Object... values) {
        line(System.err, String.format(Locale.ROOT, format, values));
    }

    /** A line on stderr as it is. */
    static void progress(String text) {
        line(System.err, text);
    }

    // The stream is asked for each time: tests exchange it.
    private static void line(PrintStream stream, String text) {
        PrintStream utf8 = new PrintStream(stream, true, StandardCharsets.UTF_8);
        utf8.println(text);
        utf8.flush();
    }
}
