package org.sparklora.driver.watch.report;

import java.util.List;

/** What runs are called where there are several: A, B, and so on, with their names. */
final class RunLabels {

    private RunLabels() {}

    static String letter(int index) {
        return index < 26 ? String.valueOf((char) ('A' + index)) : Integer.toString(index + 1);
    }

    /** {@code A name}: as long as names may be alike. */
    static String of(List<RunStory> runs, int index) {
        String name = name(runs, index);
        return runs.size() == 1 ? name : letter(index) + " " + name;
    }

    static void of(Html html, List<RunStory> runs, int index) {
        html.element("span", letter(index), "class", "letter", "translate", "no")
                .text(" ");
        html.data(name(runs, index));
    }

    /** With its directory where another run has the same name: runs of one job are compared as often as not. */
    private static String name(List<RunStory> runs, int index) {
        RunStory run = runs.get(index);
        boolean alone =
                runs.stream().filter(other -> other.name().equals(run.name())).count() == 1;
        return alone || run.name().equals(run.folder()) ? run.name() : run.name() + " (" + run.folder() + ")";
    }
}
