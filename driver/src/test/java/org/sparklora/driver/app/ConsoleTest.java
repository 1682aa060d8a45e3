package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.Console;
import org.sparklora.driver.watch.progress.Progress.Screen;

class ConsoleTest {

    private static String shown(Screen screen) {
        PrintStream before = System.err;
        ByteArrayOutputStream kept = new ByteArrayOutputStream();
        System.setErr(new PrintStream(kept, true, StandardCharsets.UTF_8));
        try {
            screen.status("step 1 · live top");
            screen.status("step 2");
            screen.line("epoch done");
            screen.line("next");
        } finally {
            System.setErr(before);
        }
        return kept.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aTerminalRewritesItsLastLineUntilOneComesThatStays() {
        assertThat(shown(new Console.Terminal()).replace("\u001b", "ESC"))
                .isEqualTo("\rESC[?7lstep 1 · live topESC[KESC[?7h\rESC[?7lstep 2ESC[KESC[?7h"
                        + "\rESC[Kepoch done\nnext\n");
    }

    @Test
    void aFileGetsPlainLines() {
        assertThat(shown(new Console.LogFile())).isEqualTo("step 1 · live top\nstep 2\nepoch done\nnext\n");
    }

    @ParameterizedTest
    @CsvSource({
        "/dev/pts/3, true",
        "/dev/tty1, true",
        "/dev/null, false",
        "pipe:[1234], false",
        "/home/pts/run.log, false",
    })
    void aTerminalIsKnownByItsName(String name, boolean terminal) {
        assertThat(Console.isTerminal(name)).isEqualTo(terminal);
    }
}
