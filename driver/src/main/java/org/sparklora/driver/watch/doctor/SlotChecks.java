package org.sparklora.driver.watch.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.HostReport;

/** Task slots against cores and shards. */
public final class SlotChecks {

    private SlotChecks() {}

    /** Whether a task takes more cores than it can use. */
    public static Finding taskCpus(int taskCpus) {
        String found = "spark.task.cpus is " + taskCpus;
        return taskCpus == 1
                ? Finding.ok(found)
                : Finding.warning(
                        found,
                        "each task computes on one thread: with 1 the same cores run " + taskCpus
                                + " times the shards");
    }

    /**
     * Whether executors run more tasks at once than their host has cores.
     *
     * @param slots tasks at once over all executors
     */
    public static List<Finding> cores(int slots, int taskCpus, List<HostReport> executors) {
        Map<String, Long> perHost =
                executors.stream().collect(Collectors.groupingBy(HostReport::host, Collectors.counting()));
        List<Finding> crowded = new ArrayList<>();
        int each = (slots + executors.size() - 1) / executors.size() * taskCpus;
        executors.stream()
                .filter(report -> report.hardware().cores() < each * perHost.getOrDefault(report.host(), 1L))
                .map(report -> report.host() + " has " + report.hardware().cores() + " cores for tasks of "
                        + each * perHost.getOrDefault(report.host(), 1L))
                .distinct()
                .sorted()
                .forEach(found -> crowded.add(Finding.warning(
                        found, "tasks that share a core wait for one another: lower spark.executor.cores")));
        if (crowded.isEmpty()) {
            crowded.add(Finding.ok(ExecutorChecks.count(slots, "task slot") + ", with a core for each"));
        }
        return crowded;
    }

    /**
     * Slots against a job's shards.
     *
     * @param slots tasks at once over all executors
     */
    public static Finding shards(int slots, int shards) {
        String found = ExecutorChecks.count(slots, "task slot") + " for training.shards " + shards;
        if (slots > shards) {
            return Finding.warning(
                    found,
                    slots - shards
                            + " would idle: ask for fewer cores, or raise training.shards, which changes the bits");
        }
        if (shards % slots != 0) {
            int busiest = (shards + slots - 1) / slots;
            int enough = (shards + busiest - 1) / busiest;
            return enough < slots
                    ? Finding.warning(
                            found + ": the busiest compute " + busiest + " of a batch's shards",
                            "as fast with " + enough + " slots, for all wait for the busiest; "
                                    + nextDivisor(slots, shards) + " would be faster")
                    : Finding.ok(found + ": the busiest compute " + busiest + " of a batch's shards");
        }
        return Finding.ok(found + ": each computes " + shards / slots + " of a batch's shards");
    }

    /** The next number of slots that all have the same to do: shards are a power of two. */
    private static int nextDivisor(int slots, int shards) {
        int more = 1;
        while (more < slots || shards % more != 0) {
            more++;
        }
        return more;
    }

    /** What Spark's settings say of executors that come and go. */
    public static Finding exchange(boolean peer, String reason, OptionalInt instances) {
        String found = "exchange " + (peer ? "peer" : "driver") + ": " + reason;
        return peer || !reason.startsWith("dynamic allocation")
                ? Finding.ok(found)
                : Finding.warning(
                        found,
                        "the same bits, but each step waits for the driver: spark.dynamicAllocation.enabled=false with"
                                + (instances.isPresent() ? "" : " a spark.executor.instances")
                                + " exchanges among executors");
    }
}
