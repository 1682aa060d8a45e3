package org.sparklora.driver.job.fts;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.sparklora.driver.job.config.ConfigException;
import org.sparklora.driver.job.manifest.LinearModule;

/**
 * A schedule of finetuning-scheduler as a job file: {@code lora.groups} with a group for each phase, and {@code
 * schedule}. Comments name what a job file cannot express.
 */
public final class FtsConversion {

    /** More digits of a quotient are noise. */
    private static final MathContext DIGITS = new MathContext(10);

    private static final int MAX_NAMED = 5;

    private final FtsSchedule schedule;
    private final List<FtsModules> modules;
    private final List<LinearModule> linears;
    private final OptionalDouble learningRate;
    private final List<String> lines = new ArrayList<>();

    private FtsConversion(FtsSchedule schedule, Optional<FtsModel> model, OptionalDouble learningRate) {
        this.schedule = schedule;
        this.modules = FtsModules.of(schedule, model);
        this.linears = model.map(FtsModel::linears).orElse(List.of());
        this.learningRate = learningRate;
    }

    /**
     * The sections {@code lora} (its groups alone) and {@code schedule}, to be pasted into a job.
     *
     * @param model what regular expressions are matched with; without it parameters are told by their names alone
     * @param learningRate the job's, of which a group has a multiple
     * @throws ConfigException when an entry means no parameter, a parameter is in two phases, or none can be adapted
     */
    public static String yaml(FtsSchedule schedule, Optional<FtsModel> model, OptionalDouble learningRate) {
        FtsConversion conversion = new FtsConversion(schedule, model, learningRate);
        conversion.write();
        return conversion.lines.stream().map(line -> line + "\n").collect(Collectors.joining());
    }

    private void write() {
        List<Integer> groups = IntStream.range(0, modules.size())
                .filter(i -> !modules.get(i).paths().isEmpty())
                .boxed()
                .toList();
        lines.add("lora:");
        lines.add("  groups:");
        writeRates(groups);
        for (FtsSchedule.Phase phase : schedule.phases()) {
            writeLosses(phase);
            if (groups.contains(phase.number())) {
                writeGroup(phase);
            }
        }
        lines.add("schedule:");
        FtsTiming.lines(schedule.phases(), groups).forEach(line -> lines.add("  " + line));
    }

    private void writeGroup(FtsSchedule.Phase phase) {
        lines.add("    " + FtsTiming.group(phase.number()) + ":");
        FtsTargets.of(modules.get(phase.number()).paths(), linears).lines().forEach(line -> lines.add("      " + line));
        lines.add("      purpose: finetuning-scheduler phase " + phase.number());
        // FTS itself warns that it ignores the rate of phase 0.
        if (phase.number() > 0 && phase.lr().isPresent()) {
            double lr = phase.lr().getAsDouble();
            lines.add(
                    learningRate.isPresent()
                            ? "      learning_rate_scale: " + plain(lr / learningRate.getAsDouble())
                            : "      # lr " + plain(lr) + ": learning_rate_scale is that / training.learning_rate");
        }
    }

    /** What becomes of the rates that the file does not give. */
    private void writeRates(List<Integer> groups) {
        List<Integer> without = groups.stream()
                .filter(i -> i > 0 && schedule.phases().get(i).lr().isEmpty())
                .toList();
        if (!without.isEmpty()) {
            comment((without.size() == 1 ? "phase " + without.get(0) + " has" : "phases " + named(without) + " have")
                    + " no lr: FTS takes its base_max_lr, 0.00001 by default; here it is training.learning_rate");
        }
    }

    /** What of a phase its group cannot say. */
    private void writeLosses(FtsSchedule.Phase phase) {
        FtsModules ofPhase = modules.get(phase.number());
        String begin = "phase " + phase.number() + ": ";
        List<String> leftOut = ofPhase.leftOut();
        if (!leftOut.isEmpty()) {
            comment(begin + "LoRA adapts the weights of Linears in the encoder; without " + leftOut.get(0)
                    + (leftOut.size() == 1 ? "" : " and " + (leftOut.size() - 1) + " more parameters"));
        }
        if (ofPhase.paths().isEmpty()) {
            comment(begin + "no group" + (ofPhase.head() ? "; the classifier always learns" : ""));
        } else if (ofPhase.head() && phase.number() > 0) {
            comment(begin + "the classifier is in it; here it learns from the start");
        }
        if (phase.number() == 0 && phase.lr().isPresent()) {
            comment(begin + "without lr " + plain(phase.lr().getAsDouble()) + ", which FTS ignores in phase 0");
        }
        if (!phase.reinitialised().isEmpty()) {
            comment(begin + "without " + String.join(" and ", phase.reinitialised())
                    + ": a job has one optimizer and one lr_scheduler_type");
        }
    }

    private static String named(List<Integer> phases) {
        String first = phases.stream().limit(MAX_NAMED).map(String::valueOf).collect(Collectors.joining(", "));
        return phases.size() <= MAX_NAMED ? first : first + " and " + (phases.size() - MAX_NAMED) + " more";
    }

    private static String plain(double number) {
        return BigDecimal.valueOf(number).round(DIGITS).stripTrailingZeros().toPlainString();
    }

    private void comment(String text) {
        lines.add("    # " + text);
    }
}
