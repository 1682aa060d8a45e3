package org.sparklora.driver.watch.doctor;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.worker.contract.HostReport;

/** Compares the memory of executors outside the Java heap, which PyTorch uses, with what a run needs. */
public final class MemoryChecks {

    /** Memory of a JVM with PyTorch besides heap, weights and tasks; measured: 0.52 GB with two tasks. */
    private static final long PYTORCH_BYTES = 600_000_000L;

    /** Allocators and fragmentation add to what a plan counts. */
    private static final double MARGIN = 1.25;

    private static final long MB = 1L << 20;
    private static final long MIN_OVERHEAD = 384 * MB;
    private static final double OVERHEAD_FACTOR = 0.1;

    private MemoryChecks() {}

    /**
     * Memory that a run needs in an executor outside the heap.
     *
     * @param weightBytes of the base model, mapped once per host
     * @param taskBytes peak of each task
     * @param tasks concurrent tasks of an executor
     */
    public record Need(long weightBytes, long taskBytes, int tasks) {

        long bytes() {
            return PYTORCH_BYTES + weightBytes + tasks * taskBytes;
        }
    }

    /**
     * Memory that an executor has outside the heap.
     *
     * @param container whether a container enforces the limit; else other processes of the host share the memory
     */
    public record Room(long bytes, boolean container) {}

    /** The limit on YARN and Kubernetes: spark.executor.memoryOverhead, or Spark's default for it. */
    public static Room ofContainer(long heapBytes, Optional<Long> overheadBytes, Optional<Double> factor) {
        long byFactor = (long) (heapBytes * factor.orElse(OVERHEAD_FACTOR));
        return new Room(overheadBytes.orElse(Math.max(MIN_OVERHEAD, byFactor)), true);
    }

    /** Without containers: the smallest share, over all hosts, of the memory that the heaps leave to each executor. */
    public static Room ofHosts(List<HostReport> executors) {
        Map<String, List<HostReport>> byHost = executors.stream().collect(Collectors.groupingBy(HostReport::host));
        long min = byHost.values().stream().mapToLong(MemoryChecks::each).min().orElse(0);
        return new Room(Math.max(0, min), false);
    }

    private static long each(List<HostReport> onHost) {
        long heaps = onHost.stream().mapToLong(r -> r.hardware().heapBytes()).sum();
        return (onHost.get(0).hardware().memoryBytes() - heaps) / onHost.size();
    }

    /** Checks that a run fits. */
    public static Finding of(Room room, Need need) {
        String found = Bytes.text(room.bytes()) + " outside the heap per executor, " + Bytes.text(need.bytes())
                + " needed: "
                + Bytes.text(PYTORCH_BYTES) + " for PyTorch, " + Bytes.text(need.weightBytes()) + " for base weights, "
                + ExecutorChecks.count(need.tasks(), "task") + " of " + Bytes.text(need.taskBytes());
        if (room.bytes() >= need.bytes() * MARGIN) {
            return Finding.ok(found);
        }
        long wanted = (long) Math.ceil(need.bytes() * MARGIN / (1L << 30));
        String remedy = room.container()
                ? "set spark.executor.memoryOverhead=" + wanted + "g, or increase training.gradient_accumulation_steps"
                : "give executors less heap or fewer cores, or increase training.gradient_accumulation_steps";
        return room.bytes() >= need.bytes()
                ? Finding.warning(found + "; the margin is small", remedy)
                : Finding.problem(found, remedy);
    }

    /** Checks that PyTorch fits, if no job says what a task needs. */
    public static Finding withoutJob(Room room) {
        String found = Bytes.text(room.bytes()) + " outside the heap per executor";
        if (room.bytes() >= 2 * PYTORCH_BYTES) {
            return Finding.ok(found + "; doctor --config JOB compares this with what a job needs");
        }
        String remedy = room.container()
                ? "set spark.executor.memoryOverhead, for example to 2g; doctor --config JOB computes the value"
                : "give executors less heap; doctor --config JOB computes how much memory is needed";
        return Finding.warning(found + "; PyTorch alone needs " + Bytes.text(PYTORCH_BYTES), remedy);
    }

    /** Checks the driver's heap. */
    public static Finding driverHeap(long heapBytes, int cores) {
        String found = ExecutorChecks.count(cores, "core") + " and " + Bytes.text(heapBytes) + " of heap on the driver";
        return heapBytes < 900 * MB
                ? Finding.warning(found, "use at least 1 GB: -- --driver-memory 1g")
                : Finding.ok(found);
    }
}
