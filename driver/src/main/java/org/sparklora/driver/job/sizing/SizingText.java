package org.sparklora.driver.job.sizing;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import org.sparklora.driver.job.plan.RunPlan;
import org.sparklora.driver.job.plan.Timeline;
import org.sparklora.driver.job.sizing.RunTime.Exchange;
import org.sparklora.driver.job.sizing.RunTime.Seconds;
import org.sparklora.driver.job.text.Table;

/** Time and cost of a planned run on clusters of several sizes, as plain lines for people. */
public final class SizingText {

    /** Exchange that takes at least this fraction of computing is reported. */
    private static final double HALF = 0.5;

    private final RunPlan plan;
    private final Question question;
    private final List<String> lines = new ArrayList<>();

    /**
     * The clusters to compare.
     *
     * @param executors numbers of executors, ascending
     * @param tasks of an executor at a time, each with a core
     * @param price of an executor's hour; empty: the table shows hours
     */
    public record Question(List<Integer> executors, int tasks, Speeds speeds, OptionalDouble price) {

        public Question {
            executors = List.copyOf(executors);
        }
    }

    private SizingText(RunPlan plan, Question question) {
        this.plan = plan;
        this.question = question;
    }

    /** The lines. If two timelines bound the run, they are for the earlier moves, which cost more. */
    public static List<String> of(RunPlan plan, Question question) {
        SizingText text = new SizingText(plan, question);
        text.write();
        return List.copyOf(text.lines);
    }

    private void write() {
        Timeline timeline = plan.timelines().get(0);
        int shards = plan.subject().data().shards().shards();
        if (plan.timelines().size() > 1) {
            line("every move as early as the metrics can cause it, which costs most");
        }
        RunTime run = run(plan, timeline);
        table(run, shards);
        line("");
        if ((long) question.executors().get(question.executors().size() - 1) * question.tasks() > shards) {
            line(
                    "%d shards are dealt to at most %d tasks, so more than %d executors help nothing; training.shards can be"
                            + " raised up to training.batch_size (another number of shards gives other bits)",
                    shards, shards, (shards + question.tasks() - 1) / question.tasks());
        }
        for (Exchange exchange : Exchange.values()) {
            String name = exchange.name().toLowerCase(Locale.ROOT);
            question.executors().stream()
                    .filter(n -> isHalf(run.on(cluster(n), exchange)))
                    .findFirst()
                    .ifPresentOrElse(
                            n -> line(
                                    "exchange %s takes half as long as computing, or longer, from %d executors on",
                                    name, n),
                            () -> line("exchange %s takes less than half as long as computing everywhere", name));
        }
        skipped(run);
    }

    private static boolean isHalf(Seconds run) {
        return run.exchange() >= HALF * run.computing();
    }

    /** What cache and freezing save, on one executor and on the largest cluster. */
    private void skipped(RunTime run) {
        RunPlan everything = plan.withoutCache().withEveryGroupLive();
        RunTime without = run(plan.withoutCache(), plan.timelines().get(0));
        RunTime all = run(everything, everything.timelines().get(0));
        int largest = question.executors().get(question.executors().size() - 1);
        for (int executors : largest == 1 ? List.of(1) : List.of(1, largest)) {
            double own = run.on(cluster(executors), Exchange.PEER).total();
            line(
                    "with %s: %.1f times as long without the activation cache, %.1f times with every group live throughout",
                    executors == 1 ? "1 executor" : executors + " executors",
                    without.on(cluster(executors), Exchange.PEER).total() / own,
                    all.on(cluster(executors), Exchange.PEER).total() / own);
        }
    }

    private RunTime run(RunPlan of, Timeline timeline) {
        return new RunTime(of.loads(timeline), of.subject().data().shards().shards(), question.speeds());
    }

    private Cluster cluster(int executors) {
        return Cluster.of(executors, question.tasks());
    }

    private void table(RunTime run, int shards) {
        List<List<String>> rows = new ArrayList<>();
        String bill = question.price().isPresent() ? "cost" : "executor-hours";
        rows.add(List.of("executors", "ranks", "peer", "exchange", bill, "driver", "exchange", bill));
        for (int executors : question.executors()) {
            Cluster cluster = cluster(executors);
            List<String> row = new ArrayList<>();
            row.add(format("%,d", executors));
            row.add(format("%,d", Math.min(cluster.slots(), shards)));
            for (Exchange exchange : Exchange.values()) {
                Seconds seconds = run.on(cluster, exchange);
                row.add(time(seconds.total()));
                row.add(format("%.0f%%", 100 * seconds.exchange() / seconds.total()));
                row.add(format(
                        "%,.2f",
                        seconds.executorHours(cluster) * question.price().orElse(1)));
            }
            rows.add(row);
        }
        lines.addAll(Table.right(rows));
    }

    /** {@code 41 s}, {@code 12.5 min}, {@code 3.2 h}. */
    private static String time(double seconds) {
        if (seconds < 100) {
            return format("%.0f s", seconds);
        }
        return seconds < 6000 ? format("%.1f min", seconds / 60) : format("%,.1f h", seconds / 3600);
    }

    private void line(String format, Object... values) {
        lines.add(format(format, values));
    }

    private static String format(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
