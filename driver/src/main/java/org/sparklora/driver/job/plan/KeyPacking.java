package org.sparklora.driver.job.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;

/**
 * How the keys of a job with {@code data.adapter} are divided: into tasks that train keys one after the other, and waves of tasks,
 * after each of which results are stored. Follows from numbers of rows and the job alone. No adapter depends on it.
 *
 * @param waves keys by task, by wave; tasks with the largest keys come first
 * @param spread keys that are trained one after the other, each on all ranks
 * @param leftOut keys with fewer rows than {@code data.min_rows}, in order
 */
public record KeyPacking(List<List<List<String>>> waves, List<String> spread, List<String> leftOut) {

    /**
     * What fits together.
     *
     * @param taskRows rows at which a task is full
     * @param waveTasks most tasks of a wave
     * @param waveBytes bytes of adapters at which a wave is full
     * @param taskSteps most steps of an epoch of a key that a task trains, if there are several ranks that could train it
     */
    public record Limits(long taskRows, int waveTasks, long waveBytes, long taskSteps) {

        /** Some seconds of work for a task, and a wave that the driver can hold several times. */
        public static final Limits DEFAULT = new Limits(2_048, 128, 256L << 20, 1_024);

        /** What a key costs beside its rows, in rows: its first values, its validation, its results. */
        private static final int KEY_ROWS = 32;
    }

    /**
     * The job's part.
     *
     * @param minRows {@code data.min_rows}
     * @param shards {@code training.shards}
     * @param adapterBytes bytes of an adapter with all groups
     */
    public record Sizes(int minRows, int batchSize, int shards, long adapterBytes) {

        /** With one shard there is one rank, which is no faster than a task. */
        private boolean spreads(long rows, Limits limits) {
            return shards > 1 && rows > limits.taskSteps() * batchSize;
        }
    }

    /**
     * Divides keys.
     *
     * @param rows number of training rows by key
     */
    public static KeyPacking of(SortedMap<String, Long> rows, Sizes sizes, Limits limits) {
        List<String> spread = new ArrayList<>();
        List<String> leftOut = new ArrayList<>();
        List<String> packed = new ArrayList<>();
        rows.forEach((key, count) -> {
            if (count < sizes.minRows()) {
                leftOut.add(key);
            } else {
                (sizes.spreads(count, limits) ? spread : packed).add(key);
            }
        });
        // The sort is stable: keys of the same size stay in their order.
        packed.sort(Comparator.comparing((String key) -> rows.get(key)).reversed());
        return new KeyPacking(waves(tasks(packed, rows, limits), sizes, limits), spread, leftOut);
    }

    private static List<List<String>> tasks(List<String> keys, Map<String, Long> rows, Limits limits) {
        List<List<String>> tasks = new ArrayList<>();
        long room = 0;
        for (String key : keys) {
            if (room <= 0) {
                tasks.add(new ArrayList<>());
                room = limits.taskRows();
            }
            tasks.get(tasks.size() - 1).add(key);
            room -= Objects.requireNonNull(rows.get(key)) + Limits.KEY_ROWS;
        }
        return tasks;
    }

    private static List<List<List<String>>> waves(List<List<String>> tasks, Sizes sizes, Limits limits) {
        List<List<List<String>>> waves = new ArrayList<>();
        long room = 0;
        for (List<String> task : tasks) {
            boolean full =
                    waves.isEmpty() || room <= 0 || waves.get(waves.size() - 1).size() == limits.waveTasks();
            if (full) {
                waves.add(new ArrayList<>());
                room = limits.waveBytes();
            }
            waves.get(waves.size() - 1).add(task);
            room -= task.size() * sizes.adapterBytes();
        }
        return waves;
    }

    /** Number of tasks. */
    public int tasks() {
        return waves.stream().mapToInt(List::size).sum();
    }

    /** Number of keys that are trained. */
    public int trained() {
        return spread.size()
                + waves.stream().flatMap(List::stream).mapToInt(List::size).sum();
    }
}
