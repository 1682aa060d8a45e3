/**
 * What a run will do, told before anything is trained: when each group is live, what a step costs then, and what a reader
 * of the job file should be warned of.
 *
 * <p>Open {@link org.sparklora.driver.job.plan.RunPlan} first: all that is known, of which {@link
 * org.sparklora.driver.job.plan.PlanText} makes lines for people and {@link org.sparklora.driver.job.plan.PlanJson} an object for
 * programs. {@link org.sparklora.driver.job.plan.Timeline} asks the run's own policy, {@link
 * org.sparklora.driver.job.plan.StepCost} counts operations and bytes.
 *
 * <p>Invariants: a timeline that is exact is decision for decision what the run will record, because the policy itself
 * takes it. Where decisions hang on metrics there are two, with every move as early and as late as it may come. Nothing
 * here is measured: costs are counts, from the model's shapes, the data's lengths and the job.
 */
@NullMarked
package org.sparklora.driver.job.plan;

import org.jspecify.annotations.NullMarked;
