/**
 * The report page of a run, {@code report.html}: one file that loads nothing from the network.
 *
 * <p>Open {@link org.sparklora.driver.watch.report.RunReport} first. It reads a run directory into a {@code RunData}; {@code
 * Page} then writes one {@code Section} after another. {@code LineChart} draws everything over steps or epochs.
 *
 * <p>Invariants: all recorded data passes through {@code Html}, which escapes it. All texts come from the message table of the
 * page's language. The page is complete without its script. Its size is bounded for runs of any length, because lines have a
 * maximum number of points and tables a maximum number of rows. Lines are SVG without text, stretched to the available
 * space; labels are HTML next to it, so they stay readable on a phone. This package uses neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.watch.report;

import org.jspecify.annotations.NullMarked;
