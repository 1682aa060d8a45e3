package org.sparklora.driver.watch.report;

import java.util.List;

/** A section of the page. A section either compares the runs or describes each run on its own. */
abstract class Section {

    private final String key;

    /** @param key anchor in the page, and name of the title {@code section.KEY} */
    Section(String key) {
        this.key = key;
    }

    final String key() {
        return key;
    }

    final String title(Messages messages) {
        return messages.text("section." + key);
    }

    /** Writes the content below the title. */
    void write(Html html, List<RunData> runs) {
        for (int i = 0; i < runs.size(); i++) {
            if (runs.size() > 1) {
                html.open("h3.run");
                writeLabel(html, runs, i);
                html.close();
            }
            write(html, runs.get(i));
        }
    }

    /** Writes the part about one run. */
    abstract void write(Html html, RunData run);

    /** {@code A}, {@code B}, …: stands for a run if there are several. */
    static String letter(int index) {
        return index < 26 ? String.valueOf((char) ('A' + index)) : Integer.toString(index + 1);
    }

    /** The name of a run, with its letter if there are several. */
    static String label(List<RunData> runs, int index) {
        String name = distinctName(runs, index);
        return runs.size() == 1 ? name : letter(index) + " " + name;
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
