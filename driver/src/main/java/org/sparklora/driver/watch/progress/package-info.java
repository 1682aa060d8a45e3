/**
 * Progress of a run on the terminal. Open {@link org.sparklora.driver.watch.progress.Progress} first.
 *
 * <p>Nothing here changes a result: the numbers shown are those that the run has already computed.
 */
@org.jspecify.annotations.NullMarked
package org.sparklora.driver.watch.progress;
