/**
 * A run shown elsewhere: on an MLflow tracking server, in TensorBoard's event files. Open {@link
 * org.sparklora.driver.watch.tracking.Tracking} first; {@code Delivery} is the thread that does the work, {@code LoggedScalars}
 * what numbers are called there: as Hugging Face's callbacks call them.
 *
 * <p>Invariants: what is shown is what {@code history.jsonl} has published, line by line, so every number appears once and in
 * order, and a run that goes on is shown from its first step, wherever it is shown then. Nothing here slows a run or fails
 * it: the training thread puts lines into a queue and never waits, but for a bounded time at the end; who cannot be reached is
 * named in one warning. Knows neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.watch.tracking;

import org.jspecify.annotations.NullMarked;
