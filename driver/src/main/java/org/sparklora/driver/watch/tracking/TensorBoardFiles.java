package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.watch.tracking.LoggedScalars.Scalars;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;

/**
 * Writes a run as TensorBoard event files with the tags of Hugging Face's {@code TensorBoardCallback}: {@code train/loss},
 * {@code eval/accuracy}. Freeze decisions are texts.
 *
 * <p>Each batch is a new file, since object stores cannot append. File names sort in the order of writing, in which
 * TensorBoard reads them. The first file of a process marks its first step, so TensorBoard discards what another process wrote
 * from that step on.
 */
final class TensorBoardFiles implements Destination {

    private static final String FILE_PREFIX = "events.out.tfevents.";
    private static final Pattern FILE = Pattern.compile(Pattern.quote(FILE_PREFIX) + "(\\d{1,12})(\\D.*)?");
    private static final String EVAL = "eval_";

    private final String address;
    private final Supplier<RunDirectory> opener;
    private final LoggedScalars scalars = new LoggedScalars();

    private @Nullable RunDirectory directory;
    private long second;
    private int files;

    /** Whether a file marks the first step of this process. */
    private boolean started;

    /**
     * @param address of the directory, as the user wrote it
     * @param opener opens the directory; called before the first write
     */
    TensorBoardFiles(String address, Supplier<RunDirectory> opener) {
        this.address = address;
        this.opener = opener;
    }

    @Override
    public String name() {
        return "TensorBoard directory " + address;
    }

    @Override
    public void send(List<HistoryLine> lines) throws IOException {
        RunDirectory to = directory == null ? open(lines.get(0).time()) : directory;
        Instant now = lines.get(0).time();
        EventFile file = new EventFile(now);
        boolean starting = !started;
        for (HistoryLine line : lines) {
            Optional<Scalars> logged = scalars.of(line);
            if (starting && logged.isPresent()) {
                file.starts(now, logged.get().step());
                starting = false;
            }
            logged.ifPresent(values -> file.scalars(tagged(values)));
            if (line.isDecision() && line.fields().hasNonNull("reason")) {
                file.text(line.time(), scalars.stepOf(line), "freeze_decisions/text_summary", decision(line));
            }
        }
        to.write(String.format(Locale.ROOT, "%s%010d.%06d.spark-lora", FILE_PREFIX, second, files), file.toBytes());
        started = !starting;
        files++;
    }

    private RunDirectory open(Instant now) throws IOException {
        RunDirectory opened = opener.get();
        // New files must sort after existing ones, even within one second or with a clock that is behind.
        second = opened.list().stream()
                .map(FILE::matcher)
                .filter(Matcher::matches)
                .mapToLong(file -> Long.parseLong(file.group(1)) + 1)
                .reduce(now.getEpochSecond(), Math::max);
        directory = opened;
        return opened;
    }

    private static Scalars tagged(Scalars logged) {
        SortedMap<String, Double> tags = new TreeMap<>();
        logged.values().forEach((name, value) -> {
            tags.put(name.startsWith(EVAL) ? "eval/" + name.substring(EVAL.length()) : "train/" + name, value);
        });
        return new Scalars(logged.step(), logged.time(), tags);
    }

    private static String decision(HistoryLine line) {
        JsonNode fields = line.fields();
        String what = line.event().equals("epoch_start") ? "live " + names(fields.path("live")) : line.event();
        String group = fields.path("group").asText("");
        return "epoch " + fields.path("epoch").asInt() + ": " + what + (group.isEmpty() ? "" : " " + group) + " ("
                + fields.path("reason").asText() + ")";
    }

    private static String names(JsonNode groups) {
        StringJoiner names = new StringJoiner(" ").setEmptyValue("head only");
        groups.forEach(group -> names.add(group.asText()));
        return names.toString();
    }

    @Override
    public void finish(Outcome outcome) {
        // Each file is complete already.
    }
}
