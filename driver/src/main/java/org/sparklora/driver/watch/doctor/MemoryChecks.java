package org.sparklora.driver.watch.doctor;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.worker.contract.HostReport;

/** Memory of executors outside the Java heap, where PyTorch's lies, against what a run needs. */
public final class MemoryChecks {

    /** What a JVM with PyTorch takes beside heap, weights and what a task computes: measured 0.52 GB with two tasks. */
    private static final long PYTORCH_BYTES = 600_000_000L;

    /** What a plan counts and a process takes differ by allocators and fragments. */
    private static final double SPARE = 1.25;

    private static final long MB = 1L << 20;
    private static final long LEAST_OVERHEAD = 384 * MB;
    private static final double OVERHEAD_FACTOR = 0.1;

    private MemoryChecks() {}

    /**
     * What a run needs of an executor, outside its heap.
     *
     * @param weightBytes of the base model, mapped once a host
     * @param taskBytes of each task at its peak
     * @param tasks at once in an executor
     */
    public record Need(long weightBytes, long taskBytes, int tasks) {

        long bytes() {
            return PYTORCH_BYTES + weightBytes + tasks * taskBytes;
        }
    }

    /**
     * What an executor has, outside its heap.
     *
     * @param container whether it is limited to that and ended beyond; else it shares the host with what else runs there
     */
    public record Room(long bytes, boolean container) {}

    /** Where YARN or Kubernetes set a limit: spark.executor.memoryOverhead, or what Spark takes for it. */
    public static Room ofContainer(long heapBytes, Optional<Long> overheadBytes, Optional<Double> factor) {
        long byFactor = (long) (heapBytes * factor.orElse(OVERHEAD_FACTOR));
        return new Room(overheadBytes.orElse(Math.max(LEAST_OVERHEAD, byFactor)), true);
    }

    /** Where nobody does: what the least of the hosts has beside the heaps of its executors, for each of them. */
    public static Room ofHosts(List<HostReport> executors) {
        Map<String, List<HostReport>> byHost = executors.stream().collect(Collectors.groupingBy(HostReport::host));
        long least = byHost.values().stream()
                .map(on -> (on.get(0).hardware().memoryBytes()
                                - on.stream()
                                        .mapToLong(r -> r.hardware().heapBytes())
                                        .sum())
                        / on.size())
                .min(Comparator.naturalOrder())
                .orElse(0L);
        return new Room(Math.max(0, least), false);
    }

    /** Whether a run finds room. */
    public static Finding of(Room room, Need need) {
        String found = text(room.bytes()) + " outside the heap for each executor, " + text(need.bytes()) + " counted: "
                + text(PYTORCH_BYTES) + " for PyTorch, " + text(need.weightBytes()) + " of base weights, "
                + ExecutorChecks.count(need.tasks(), "task") + " of " + text(need.taskBytes());
        if (room.bytes() >= need.bytes() * SPARE) {
            return Finding.ok(found);
        }
        long wanted = (long) Math.ceil(need.bytes() * SPARE / (1L << 30));
        String remedy = room.container()
                ? "give spark.executor.memoryOverhead=" + wanted + "g, or raise training.gradient_accumulation_steps"
                : "give executors less heap or fewer cores, or raise training.gradient_accumulation_steps";
        return room.bytes() >= need.bytes()
                ? Finding.warning(found + ", which leaves little", remedy)
                : Finding.problem(found, remedy);
    }

    /** Whether there is room for PyTorch at all, where no job says how much a task needs. */
    public static Finding withoutJob(Room room) {
        String found = text(room.bytes()) + " outside the heap for each executor";
        return room.bytes() >= 2 * PYTORCH_BYTES
                ? Finding.ok(found + "; doctor --config JOB compares that with what the job needs")
                : Finding.warning(
                        found + ", where PyTorch takes " + text(PYTORCH_BYTES) + " before any model",
                        room.container()
                                ? "give spark.executor.memoryOverhead, such as 2g; doctor --config JOB tells how much"
                                : "give executors less heap; doctor --config JOB tells how much is needed");
    }

    /** Whether the driver's heap suffices. */
    public static Finding driverHeap(long heapBytes, int cores) {
        String found = ExecutorChecks.count(cores, "core") + " and " + text(heapBytes) + " of heap in the driver";
        return heapBytes < 900 * MB
                ? Finding.warning(found, "give it 1 GB or more: -- --driver-memory 1g")
                : Finding.ok(found);
    }

    private static String text(long bytes) {
        return Bytes.text(bytes);
    }
}
