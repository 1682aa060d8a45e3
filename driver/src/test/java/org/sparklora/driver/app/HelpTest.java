package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;

/** The texts of {@code --help}, which are in help.properties. */
class HelpTest {

    @Test
    void everyCommandAndOptionHasAText() {
        CommandLine main = new CommandLine(Main.class);
        List<String> without = new ArrayList<>();
        Stream.concat(Stream.of(main), main.getSubcommands().values().stream()).forEach(line -> {
            CommandSpec command = line.getCommandSpec();
            if (command.usageMessage().description().length == 0) {
                without.add(command.qualifiedName());
            }
            for (ArgSpec argument : command.args()) {
                if (argument.description().length == 0) {
                    without.add(command.qualifiedName() + " " + argument);
                }
            }
        });
        assertThat(main.getSubcommands()).hasSizeGreaterThan(10);
        assertThat(without).isEmpty();
    }
}
