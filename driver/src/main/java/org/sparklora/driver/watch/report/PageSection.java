package org.sparklora.driver.watch.report;

import java.util.List;

/** A part of the page. */
interface PageSection {

    /** Key of its message {@code section.KEY}, and its anchor. */
    String key();

    /** Writes what comes below the heading. */
    void write(Html html, List<RunStory> runs, Messages messages);
}
