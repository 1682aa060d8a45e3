package org.sparklora.worker.lora;

/**
 * How many triplets the modules of AdaLoRA keep together, step by step: all of them until {@code tinit}, then fewer along a
 * cubic curve, and {@code targetRank} a module from {@code last} on (Zhang et al. 2023, arXiv:2303.10512, section 3.3; PEFT's
 * RankAllocator). Steps count from 0 over the whole run.
 *
 * @param initRank triplets of a module at its start
 * @param targetRank triplets that a module keeps at the end, on average
 * @param tinit last step with all triplets
 * @param deltaT steps between two allocations
 * @param last step of the last allocation; importance is measured before it
 */
public record BudgetSchedule(int initRank, int targetRank, int tinit, int deltaT, long last) {

    /** Whether masks change after a step. */
    public boolean allocates(long step) {
        return step == last || (step > tinit && step < last && step % deltaT == 0);
    }

    /** The budget of some modules at a step. */
    public int at(long step, int modules) {
        if (step <= tinit) {
            return initRank * modules;
        }
        double left = Math.max(0, 1 - (double) (step - tinit) / (last - tinit));
        int target = targetRank * modules;
        return (int) ((initRank * modules - target) * StrictMath.pow(left, 3) + target);
    }

    /** The budget of the last allocation up to a step. */
    public int inForce(long step, int modules) {
        return at(step >= last ? last : step - step % deltaT, modules);
    }
}
