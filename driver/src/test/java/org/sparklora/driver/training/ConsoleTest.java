package org.sparklora.driver.training;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.watch.progress.Progress.Screen;

class ConsoleTest {

    private static final String ERASE = "\u001b[K";
    private static final String WRAP_OFF = "\u001b[?7l";
    private static final String WRAP_ON = "\u001b[?7h";

    private static String shown(Screen screen) {
        PrintStream before = System.err;
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        System.setErr(new PrintStream(written, true, StandardCharsets.UTF_8));
        try {
            screen.status("step 1 · live top");
            screen.status("step 2");
            screen.line("epoch done");
            screen.line("next");
        } finally {
            System.setErr(before);
        }
        return written.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aTerminalReplacesTheStatusLine() {
        List<String> written = List.of(shown(new Console.Stderr(true)).split("\r"));
        assertThat(written).as("each status and the line after the last one start at the left margin").hasSize(4);
        assertThat(written.get(1)).contains("step 1").endsWith(WRAP_ON).doesNotContain("\n");
        assertThat(written.get(2)).contains("step 2").endsWith(WRAP_ON).doesNotContain("\n");
        assertThat(written.get(3)).startsWith(ERASE).contains("epoch done\n", "next\n");
        assertThat(written.subList(1, 3)).allMatch(status -> status.startsWith(WRAP_OFF) && status.contains(ERASE));
    }

    @Test
    void aFileGetsALineForEachStatus() {
        assertThat(shown(new Console.Stderr(false)).lines())
                .hasSize(4)
                .noneMatch(line -> line.contains("\u001b") || line.contains("\r"));
    }

    @ParameterizedTest
    @CsvSource({
        "/dev/pts/3, true",
        "/dev/tty1, true",
        "/dev/null, false",
        "pipe:[1234], false",
        "/home/pts/run.log, false",
    })
    void aTerminalIsRecognizedByItsName(String name, boolean terminal) {
        assertThat(Console.isTerminal(name)).isEqualTo(terminal);
    }
}
