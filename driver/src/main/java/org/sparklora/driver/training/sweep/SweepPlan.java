package org.sparklora.driver.training.sweep;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.spark.sql.SparkSession;
import org.sparklora.driver.cluster.Sessions;
import org.sparklora.driver.job.config.SweepConfig;
import org.sparklora.driver.job.config.SweepConfig.Trial;
import org.sparklora.driver.job.freeze.EpochSchedule;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.job.plan.RunPlan.EpochLoad;
import org.sparklora.driver.job.plan.Timeline;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.job.text.Table;
import org.sparklora.driver.training.JobGroups;
import org.sparklora.driver.training.JobModel;
import org.sparklora.driver.training.JobPlan;
import org.sparklora.driver.training.JobRows;
import org.sparklora.driver.training.SharedRows.Layout;

/** What the trials of a sweep share, before any of them is trained. */
public final class SweepPlan {

    private SweepPlan() {}

    /** The trials, those with the same layout of rows one after the other. */
    static List<Trial> inOrder(List<Trial> trials) {
        return byLayout(trials).values().stream().flatMap(List::stream).toList();
    }

    private static Map<Layout, List<Trial>> byLayout(List<Trial> trials) {
        return trials.stream()
                .collect(Collectors.groupingBy(
                        trial -> Layout.of(trial.job()), LinkedHashMap::new, Collectors.toList()));
    }

    /**
     * Whether trials wait for each other between epochs: when they halve, and when groups move, because then one cache of
     * trunk activations after the other serves all trials.
     */
    static boolean pauses(SweepConfig sweep) {
        return sweep.halving().isPresent() || sweep.trials().stream().anyMatch(trial -> moves(trial));
    }

    private static boolean moves(Trial trial) {
        return !(trial.job().schedule().freezePolicy() instanceof EpochSchedule schedule
                && schedule.events().isEmpty());
    }

    /** Finds the errors of all trials that need no Spark. */
    static void requireValid(SweepConfig sweep) throws IOException {
        for (Trial trial : sweep.trials()) {
            JobGroups.of(JobModel.open(trial.job()));
            JobRows.requireFiles(trial.job());
        }
    }

    /** Lines for a terminal. Reads the rows of each layout, and tokenizes a sample of them. */
    public static List<String> lines(SweepConfig sweep) throws IOException {
        requireValid(sweep);
        try (SparkSession spark = Sessions.open("spark-lora plan " + sweep.name())) {
            return lines(spark, sweep);
        }
    }

    private static List<String> lines(SparkSession spark, SweepConfig sweep) {
        List<String> lines = new ArrayList<>();
        Map<Layout, List<Trial>> layouts = byLayout(sweep.trials());
        lines.add(String.format(
                Locale.ROOT,
                "%s: %d trials, layouts of rows: %d%s",
                sweep.name(),
                sweep.trials().size(),
                layouts.size(),
                pauses(sweep) ? "; every trial trains an epoch before any trains the next" : ""));
        sweep.halving().ifPresent(halving -> lines.add("halving: " + rungs(sweep, halving)));
        List<List<String>> table = new ArrayList<>();
        table.add(List.of("trial", "layout", "varied", "trainable", "TFLOP alone", "TFLOP shared"));
        double alone = 0;
        double shared = 0;
        long cache = 0;
        int layout = 0;
        for (List<Trial> trials : layouts.values()) {
            layout++;
            Set<String> trunks = new HashSet<>();
            try (JobRows rows = JobRows.read(spark, trials.get(0).job())) {
                for (Trial trial : trials) {
                    RunPlan plan = JobPlan.of(spark, JobGroups.of(JobModel.open(trial.job())), rows);
                    Work work = Work.of(plan, trunks);
                    cache = Math.max(cache, plan.cacheBytes());
                    alone += work.alone();
                    shared += work.shared();
                    table.add(List.of(
                            trial.id(),
                            Integer.toString(layout),
                            trial.varied().entrySet().stream()
                                    .map(value -> value.getKey() + "=" + value.getValue())
                                    .collect(Collectors.joining(" ")),
                            String.format(Locale.ROOT, "%,d", plan.trainableParameters()),
                            tera(work.alone()),
                            tera(work.shared())));
                }
            }
        }
        lines.addAll(Table.left(table));
        lines.add(String.format(
                Locale.ROOT,
                "operations: %s TFLOP for the trials alone, %s TFLOP together (%.2f); layouts of rows to read and tokenize: %d instead of %d",
                tera(alone),
                tera(shared),
                shared / alone,
                layouts.size(),
                sweep.trials().size()));
        lines.add("cached activations: " + Bytes.text(cache) + " at a time");
        return lines;
    }

    /**
     * Operations of a trial.
     *
     * @param shared without the trunks that an earlier trial has computed
     */
    private record Work(double alone, double shared) {

        /** @param trunks of earlier trials over the same rows; this trial's are added */
        static Work of(RunPlan plan, Set<String> trunks) {
            Timeline timeline = plan.timelines().get(0);
            List<Optional<String>> held = plan.trunks(timeline);
            List<EpochLoad> loads = plan.loads(timeline);
            double alone = 0;
            double shared = 0;
            for (int epoch = 0; epoch < loads.size(); epoch++) {
                EpochLoad load = loads.get(epoch);
                double steps = load.validation()
                        + load.parts().stream()
                                .mapToDouble(part -> part.steps() * part.operations())
                                .sum();
                alone += steps + load.caching();
                shared += steps + (held.get(epoch).map(trunks::add).orElse(true) ? load.caching() : 0);
            }
            return new Work(alone, shared);
        }
    }

    private static String rungs(SweepConfig sweep, SweepConfig.Halving halving) {
        List<String> rungs = new ArrayList<>();
        int trials = sweep.trials().size();
        int epochs = sweep.trials().stream()
                .mapToInt(trial -> trial.job().training().numTrainEpochs().orElse(0))
                .max()
                .orElse(0);
        for (int epoch = halving.every(); epoch < epochs && trials > 1; epoch += halving.every()) {
            trials = halving.kept(trials);
            rungs.add(trials + " go on after " + epoch + (epoch == 1 ? " epoch" : " epochs"));
        }
        return String.join(", ", rungs);
    }

    private static String tera(double operations) {
        return String.format(Locale.ROOT, "%.3f", operations / 1e12);
    }
}
