/**
 * What a run will do, before it trains: when each group is live, what each epoch caches, what a step costs, and likely
 * mistakes in the job file.
 *
 * <p>Open {@link org.sparklora.driver.job.plan.EpochPlanner} first: it turns a freeze state into the plan of an epoch, for the
 * training loop as for {@code plan}. {@link org.sparklora.driver.job.plan.RunPlan} is everything known of a run; {@link
 * org.sparklora.driver.job.plan.PlanJson} writes it as JSON, which {@link org.sparklora.driver.job.plan.PlanText} formats for
 * people. {@link org.sparklora.driver.job.plan.Timeline} asks the run's own policy, {@link
 * org.sparklora.driver.job.plan.StepCost} counts operations and bytes.
 *
 * <p>Invariants: an exact timeline is decision for decision what the run will record; if decisions depend on metrics, there
 * are two, with every move as early and as late as it may happen. Costs are counts, never measured.
 */
@NullMarked
package org.sparklora.driver.job.plan;

import org.jspecify.annotations.NullMarked;
