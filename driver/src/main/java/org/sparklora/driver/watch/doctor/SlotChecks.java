package org.sparklora.driver.watch.doctor;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.sparklora.worker.contract.ClockReading;
import org.sparklora.worker.contract.HostReport;

/** Compares task slots with cores and shards. */
public final class SlotChecks {

    /** How many times as long as the middle slot a slow one computes. */
    private static final double SLOW = 2;

    private SlotChecks() {}

    /** Checks that a task reserves no more cores than it uses. */
    public static Finding taskCpus(int taskCpus) {
        String found = "spark.task.cpus is " + taskCpus;
        String remedy =
                "each task uses one thread, since oneDNN's products have other bits with several; with 1 the same cores compute "
                        + taskCpus + " times as many shards";
        return taskCpus == 1 ? Finding.ok(found) : Finding.warning(found, remedy);
    }

    /**
     * Checks that hosts do not run more concurrent tasks than they have cores.
     *
     * @param slots concurrent tasks of all executors
     */
    public static List<Finding> cores(int slots, int taskCpus, List<HostReport> executors) {
        Map<String, Long> perHost =
                executors.stream().collect(Collectors.groupingBy(HostReport::host, Collectors.counting()));
        int each = (slots + executors.size() - 1) / executors.size() * taskCpus;
        SortedSet<String> crowded = new TreeSet<>();
        for (HostReport report : executors) {
            int cores = report.hardware().cores();
            long reserved = each * perHost.getOrDefault(report.host(), 1L);
            if (cores < reserved) {
                crowded.add(report.host() + " has " + cores + " cores, but its tasks reserve " + reserved);
            }
        }
        if (crowded.isEmpty()) {
            return List.of(Finding.ok(ExecutorChecks.count(slots, "task slot") + ", each with its own core"));
        }
        String remedy = "tasks that share a core slow each other down; lower spark.executor.cores";
        return crowded.stream().map(found -> Finding.warning(found, remedy)).toList();
    }

    /** Names hosts with a slot that is slower than most. Each step waits for the slowest rank. */
    public static List<Finding> speed(List<ClockReading> readings) {
        long[] nanos =
                readings.stream().mapToLong(ClockReading::workNanos).sorted().toArray();
        double middle = nanos[(nanos.length - 1) / 2];
        SortedMap<String, Double> slow = new TreeMap<>();
        readings.stream()
                .filter(reading -> reading.workNanos() > SLOW * middle)
                .forEach(reading -> slow.merge(reading.host(), reading.workNanos() / middle, Math::max));
        String remedy = "all ranks wait for the slowest in each step; look for other work on the host, or leave it out";
        return slow.entrySet().stream()
                .map(host -> Finding.warning(
                        String.format(
                                Locale.ROOT,
                                "a task slot on %s is slow: a test computation took %.1f times as long as on most slots",
                                host.getKey(),
                                host.getValue()),
                        remedy))
                .toList();
    }

    /**
     * Compares slots with a job's shards.
     *
     * @param slots concurrent tasks of all executors
     */
    public static Finding shards(int slots, int shards) {
        String found = ExecutorChecks.count(slots, "task slot") + " for training.shards " + shards;
        if (slots > shards) {
            String remedy = " slots stay idle; request fewer cores, or increase training.shards, which changes the"
                    + " result's bits";
            return Finding.warning(found, slots - shards + remedy);
        }
        if (shards % slots != 0) {
            int busiest = (shards + slots - 1) / slots;
            int enough = (shards + busiest - 1) / busiest;
            String most = found + ": up to " + busiest + " shards of a batch per slot";
            String remedy = enough + " slots are as fast, since all wait for the slowest; use "
                    + nextDivisor(slots, shards) + " to be faster";
            return enough < slots ? Finding.warning(most, remedy) : Finding.ok(most);
        }
        return Finding.ok(found + ": " + ExecutorChecks.count(shards / slots, "shard") + " of a batch per slot");
    }

    /** The next number of slots that divides the shards, which are a power of two. */
    private static int nextDivisor(int slots, int shards) {
        int more = 1;
        while (more < slots || shards % more != 0) {
            more++;
        }
        return more;
    }

    /** Reports the exchange, and warns if dynamic allocation forces the slower one. */
    public static Finding exchange(boolean peer, String reason, OptionalInt instances) {
        String found = "exchange " + (peer ? "peer" : "driver") + ": " + reason;
        String remedy = "results are the same, but each step waits for the driver; set"
                + " spark.dynamicAllocation.enabled=false"
                + (instances.isPresent() ? "" : " and spark.executor.instances") + " for the peer exchange";
        boolean good = peer || !reason.startsWith("dynamic allocation");
        return good ? Finding.ok(found) : Finding.warning(found, remedy);
    }
}
