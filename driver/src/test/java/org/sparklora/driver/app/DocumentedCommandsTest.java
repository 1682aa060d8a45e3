package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.DocumentationPage;
import org.sparklora.driver.DocumentationPage.Block;

/** Compares the commands in README.md and {@code docs} with what the commands' own {@code --help} lists. */
class DocumentedCommandsTest {

    private static final Pattern COMMAND = Pattern.compile("scripts/spark-lora +([\\w-]+)(.*)");
    private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]*");

    /** Commands of the script itself, which are Spark's own. */
    private static final Set<String> OF_SPARK = Set.of("shell", "submit");

    private static final Set<String> OF_EVERY_COMMAND = Set.of("--help", "--version", "--debug");

    private final Map<String, Set<String>> known = new HashMap<>();

    /** The options that a command lists. */
    private Set<String> options(String command) {
        return known.computeIfAbsent(command, name -> {
            TrainingJob.Ended help = TrainingJob.run("none", name, "--help");
            return help.code() == 0 ? options(List.of(help.out())) : Set.of();
        });
    }

    private static Set<String> options(List<String> lines) {
        Set<String> found = new TreeSet<>();
        for (String line : lines) {
            Matcher option = OPTION.matcher(line);
            while (option.find()) {
                found.add(option.group());
            }
        }
        return found;
    }

    @Test
    void commandsInProgramsHaveTheOptionsThatTheyAreGiven() throws IOException {
        List<String> problems = new ArrayList<>();
        int commands = 0;
        for (DocumentationPage page : DocumentationPage.all()) {
            for (Block block : page.blocks()) {
                if (!block.language().equals("bash")) {
                    continue;
                }
                Matcher command = COMMAND.matcher(block.text().replaceAll("\\\\\\R", " "));
                while (command.find()) {
                    String name = command.group(1);
                    if (OF_SPARK.contains(name)) {
                        continue;
                    }
                    commands++;
                    // What follows a comment sign or -- is not the command's.
                    String arguments = command.group(2).split(" # | #|\\|| -- ", 2)[0];
                    Set<String> given = options(List.of(arguments));
                    given.removeAll(options(name));
                    if (options(name).isEmpty()) {
                        problems.add(block.where() + ": there is no command '" + name + "'");
                    } else if (!given.isEmpty()) {
                        problems.add(block.where() + ": " + name + " has no option " + given);
                    }
                }
            }
        }
        assertThat(commands).isGreaterThan(20);
        assertThat(problems).isEmpty();
    }

    @Test
    void thePageOfCommandsNamesEveryCommandAndOption() throws IOException {
        DocumentationPage page = DocumentationPage.all().stream()
                .filter(candidate -> candidate.name().equals("docs/commands.md"))
                .findFirst()
                .orElseThrow();
        Set<String> named = options(page.lines());
        List<String> missing = new ArrayList<>();
        Matcher command = Pattern.compile("(?m)^  ([a-z]+)  ")
                .matcher(TrainingJob.run("none", "--help").out());
        int commands = 0;
        while (command.find()) {
            commands++;
            String name = command.group(1);
            if (page.lines().stream().noneMatch(line -> line.startsWith("| `" + name + "` |"))) {
                missing.add(name);
            }
            Set<String> options = new TreeSet<>(options(name));
            options.removeAll(OF_EVERY_COMMAND);
            options.removeAll(named);
            options.forEach(option -> missing.add(name + " " + option));
        }
        assertThat(commands).isGreaterThan(10);
        assertThat(missing).isEmpty();
    }
}
