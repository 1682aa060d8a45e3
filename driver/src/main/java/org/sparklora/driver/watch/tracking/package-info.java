/**
 * Shows a run in other tools: on an MLflow tracking server and in TensorBoard. Open {@link
 * org.sparklora.driver.watch.tracking.Tracking} first. {@code Delivery} is the thread that does the work, and {@code
 * LoggedScalars} defines the names of metrics, which are those of Hugging Face's callbacks.
 *
 * <p>Invariants: destinations receive exactly the published lines of {@code history.jsonl}, so every value appears once and in
 * order, and a resumed run is shown from its first step. Tracking neither slows a run nor fails it: the training thread puts
 * lines into a queue, and only the end of the run waits, for a bounded time. A destination that is not reachable causes one
 * warning. This package uses neither Spark nor DJL.
 */
@NullMarked
package org.sparklora.driver.watch.tracking;

import org.jspecify.annotations.NullMarked;
