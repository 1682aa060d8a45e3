package org.sparklora.driver.watch.report;

import java.util.List;
import java.util.function.BiConsumer;

/**
 * A section of the page. A section either compares the runs or describes each run on its own.
 *
 * @param key anchor in the page, and name of the title {@code section.KEY}
 * @param content writes what is below the title
 */
record Section(String key, BiConsumer<Html, List<RunData>> content) {

    /** A section that describes each run on its own. */
    static Section ofEach(String key, BiConsumer<Html, RunData> content) {
        return new Section(key, (html, runs) -> {
            for (int i = 0; i < runs.size(); i++) {
                if (runs.size() > 1) {
                    html.open("h3.run");
                    writeLabel(html, runs, i);
                    html.close();
                }
                content.accept(html, runs.get(i));
            }
        });
    }

    String title(Messages messages) {
        return messages.text("section." + key);
    }

    /** {@code A}, {@code B}, …: stands for a run if there are several. */
    static String letter(int index) {
        return index < 26 ? String.valueOf((char) ('A' + index)) : Integer.toString(index + 1);
    }

    /** The name of one of several runs, with its letter. */
    static String label(List<RunData> runs, int index) {
        return letter(index) + " " + distinctName(runs, index);
    }

    static void writeLabel(Html html, List<RunData> runs, int index) {
        html.element("span.letter", letter(index), "translate", "no").text(" ").data(distinctName(runs, index));
    }

    /** Adds the directory if several runs have the same name: users often compare runs of one job. */
    private static String distinctName(List<RunData> runs, int index) {
        RunData run = runs.get(index);
        boolean unique =
                runs.stream().filter(other -> other.name().equals(run.name())).count() == 1;
        return unique || run.name().equals(run.folder()) ? run.name() : run.name() + " (" + run.folder() + ")";
    }
}
