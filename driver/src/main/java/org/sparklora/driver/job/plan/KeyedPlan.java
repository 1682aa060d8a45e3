package org.sparklora.driver.job.plan;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.function.LongFunction;
import org.sparklora.driver.job.freeze.FreezePolicy;
import org.sparklora.driver.job.freeze.RunLength;
import org.sparklora.worker.contract.FreezeState;

/**
 * What a run with {@code data.adapter} will do: its keys, and the work that they share.
 *
 * @param rows number of training rows by key
 */
public record KeyedPlan(String job, String column, SortedMap<String, Long> rows, KeyPacking packing, Work work) {

    /**
     * Work on training rows, over all keys. If a part of the rows is held out for validation, it is less.
     *
     * @param steps optimizer steps
     * @param trunkRows rows that go through the frozen trunk, each once for each cache
     * @param uncachedTrunkRows the same without a cache
     * @param startsFromAll whether an adapter of all rows is trained before; its work is not counted
     */
    public record Work(long steps, long trunkRows, long uncachedTrunkRows, boolean startsFromAll) {

        /**
         * Counts the work of keys.
         *
         * @param trained number of training rows of each key that is trained
         * @param length of the run of a key with this many rows
         * @param planner plans an epoch; its number of rows does not matter
         */
        public static Work of(
                Collection<Long> trained,
                LongFunction<RunLength> length,
                FreezePolicy policy,
                FreezeState initial,
                EpochPlanner planner,
                boolean startsFromAll) {
            Map<RunLength, Long> passes = new HashMap<>();
            long steps = 0;
            long trunk = 0;
            long uncached = 0;
            for (long rows : trained) {
                RunLength run = length.apply(rows);
                steps += run.steps();
                trunk += rows
                        * passes.computeIfAbsent(
                                run,
                                of -> passes(Timeline.of(policy, initial, of).get(0), planner));
                uncached += rows * run.epochs();
            }
            return new Work(steps, trunk, uncached, startsFromAll);
        }

        /** How many times a row goes through the frozen trunk. */
        private static long passes(Timeline timeline, EpochPlanner planner) {
            return timeline.epochs(planner).stream()
                    .filter(epoch -> !epoch.held())
                    .count();
        }
    }

    private long[] sorted() {
        return rows.values().stream().mapToLong(Long::longValue).sorted().toArray();
    }

    /** The plan as one JSON object. */
    public String json() {
        long[] sorted = sorted();
        ObjectNode root = JsonMapper.builder()
                .build()
                .createObjectNode()
                .put("name", job)
                .put("adapter", column)
                .put("keys", rows.size());
        root.putObject("rows_per_key")
                .put("smallest", sorted[0])
                .put("median", sorted[sorted.length / 2])
                .put("largest", sorted[sorted.length - 1]);
        root.put("keys_to_train", packing.trained())
                .put("keys_below_min_rows", packing.leftOut().size())
                .put("keys_spread_over_ranks", packing.spread().size())
                .put("tasks", packing.tasks())
                .put("waves", packing.waves().size())
                .put("steps", work.steps())
                .put("trunk_rows", work.trunkRows())
                .put("trunk_rows_without_cache", work.uncachedTrunkRows())
                .put("starts_from_all_rows", work.startsFromAll());
        return root.toPrettyString();
    }

    /** The plan as lines for people. */
    public List<String> text() {
        long[] sorted = sorted();
        List<String> lines = new ArrayList<>();
        lines.add(job);
        lines.add(line(
                "  keys      %,d values of '%s' with %,d to %,d training rows, median %,d",
                rows.size(), column, sorted[0], sorted[sorted.length - 1], sorted[sorted.length / 2]));
        lines.add(line(
                "  adapters  %,d to train; %,d keys have fewer rows than data.min_rows",
                packing.trained(), packing.leftOut().size()));
        if (work.startsFromAll()) {
            lines.add(
                    "            an adapter of all rows is trained first (lora.init: all); its work is not counted here");
        }
        lines.add(line(
                "  tasks     %,d in %,d waves, one Spark job each; %,d keys are spread over all ranks, one after the other",
                packing.tasks(), packing.waves().size(), packing.spread().size()));
        lines.add(line("  steps     %,d over all keys", work.steps()));
        lines.add(line(
                "  trunk     %,d rows go through the frozen trunk; without the cache %,d",
                work.trunkRows(), work.uncachedTrunkRows()));
        return lines;
    }

    private static String line(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
