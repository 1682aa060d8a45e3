package org.sparklora.driver.watch.report;

import java.util.List;

/** A part of the page that says something of each run by itself. */
abstract class RunSection implements PageSection {

    @Override
    public final void write(Html html, List<RunStory> runs, Messages messages) {
        for (int i = 0; i < runs.size(); i++) {
            if (runs.size() > 1) {
                html.open("h3", "class", "run");
                RunLabels.of(html, runs, i);
                html.close();
            }
            write(html, runs.get(i), messages);
        }
    }

    abstract void write(Html html, RunStory run, Messages messages);
}
