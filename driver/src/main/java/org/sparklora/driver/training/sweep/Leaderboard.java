package org.sparklora.driver.training.sweep;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.job.text.Table;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.training.sweep.TrialResult.State;
import org.sparklora.driver.watch.report.SweepReport;

/**
 * The trials of a sweep, the best first. Those that were stopped come behind, the longer they trained the earlier, and then those
 * that diverged. Equal values stay in the order of the trials.
 *
 * @param metric a validation metric, or {@code train_loss} where there is no validation data
 * @param trials in order
 */
public record Leaderboard(String metric, List<TrialResult> trials) {

    public static final String CSV = "leaderboard.csv";
    public static final String JSON = SweepReport.LEADERBOARD;

    private static final ObjectMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    /** Sorts results. */
    static Leaderboard of(String metric, List<TrialResult> results) {
        Comparator<TrialResult> values = Comparator.comparingDouble(result -> result.value(metric));
        boolean lessIsBetter = lessIsBetter(metric);
        return new Leaderboard(
                metric,
                results.stream()
                        .sorted(Comparator.comparing(TrialResult::state)
                                .thenComparing(result -> result.state() == State.STOPPED
                                        ? -result.epochs().size()
                                        : 0)
                                .thenComparing(lessIsBetter ? values : values.reversed()))
                        .toList());
    }

    static boolean lessIsBetter(String metric) {
        return metric.equals(TrialResult.TRAIN_LOSS) || EpochMetrics.lessIsBetter(metric);
    }

    /** Writes both files. */
    void write(RunDirectory directory) throws IOException {
        List<Map<String, Object>> rows = rows();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("metric", metric);
        json.put("trials", rows);
        directory.write(JSON, (MAPPER.writeValueAsString(json) + "\n").getBytes(StandardCharsets.UTF_8));
        List<String> header = new ArrayList<>(
                rows.stream().flatMap(row -> row.keySet().stream()).distinct().toList());
        String csv = rows.stream()
                .map(row -> header.stream()
                        .map(column -> quoted(String.valueOf(row.getOrDefault(column, ""))))
                        .collect(Collectors.joining(",")))
                .collect(Collectors.joining(
                        "\n", header.stream().map(Leaderboard::quoted).collect(Collectors.joining(",")) + "\n", "\n"));
        directory.write(CSV, csv.getBytes(StandardCharsets.UTF_8));
    }

    private List<Map<String, Object>> rows() {
        List<Map<String, Object>> rows = new ArrayList<>();
        for (TrialResult trial : trials) {
            Map<String, Object> row = new LinkedHashMap<>();
            row.put("rank", rows.size() + 1);
            row.put("trial", trial.id());
            row.put("state", trial.state().label());
            row.putAll(trial.varied());
            row.put("epochs", trial.epochs().size());
            row.putAll(trial.metrics());
            row.put("adapter_sha256", trial.adapterSha256());
            row.put("note", trial.note());
            row.put("run", trial.output());
            rows.add(row);
        }
        return rows;
    }

    /** RFC 4180. */
    private static String quoted(String text) {
        return text.matches("[^\",\\r\\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
    }

    /** The first of the trials for a terminal. */
    List<String> lines(int most) {
        List<List<String>> table = new ArrayList<>();
        for (TrialResult trial : trials.subList(0, Math.min(most, trials.size()))) {
            if (table.isEmpty()) {
                List<String> head = new ArrayList<>(List.of("trial", "state"));
                head.addAll(trial.varied().keySet());
                head.addAll(List.of("epochs", metric));
                table.add(head);
            }
            List<String> row = new ArrayList<>(List.of(trial.id(), trial.state().label()));
            row.addAll(trial.varied().values());
            double value = trial.value(metric);
            row.add(Integer.toString(trial.epochs().size()));
            row.add(Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.4f", value));
            table.add(row);
        }
        return Table.left(table);
    }
}
