/**
 * The page about a run, {@code report.html}: one file that asks nothing of the network.
 *
 * <p>Open {@link org.sparklora.driver.watch.report.RunReport} first: it reads a run directory into a {@link
 * org.sparklora.driver.watch.report.RunStory} and writes the page, section by section. A section takes stories and writes
 * HTML; {@link org.sparklora.driver.watch.report.LineChart} draws what goes along an axis.
 *
 * <p>Invariants: whatever comes from a run goes through {@link org.sparklora.driver.watch.report.Html}, which escapes it;
 * every word that the page itself says stands in the table of messages of its language; the page is whole without its
 * script; its size is bounded however long the run was, since a line has a point for each column of the plot and a table a
 * row for each of so many epochs. Lines are SVG without words, stretched to the place there is; words are HTML beside it, so
 * they keep their size on a phone. Knows neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.watch.report;

import org.jspecify.annotations.NullMarked;
