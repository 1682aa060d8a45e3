package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.run.history.RunDirectory;

/**
 * A run as TensorBoard's event files, under the tags of Hugging Face's {@code TensorBoardCallback}: {@code train/loss},
 * {@code eval/accuracy}. Decisions about groups are texts.
 *
 * <p>Each batch is a file of its own, since object stores cannot append; their names sort in the order of writing, in which
 * TensorBoard reads them. The first one of a process says that it begins at its first step: what another process wrote there
 * from that step on is replaced.
 */
final class TensorBoardFiles implements Destination {

    private static final String PREFIX = "events.out.tfevents.";
    private static final String EVAL = "eval_";

    private final String address;
    private final Supplier<RunDirectory> place;
    private final LoggedScalars scalars = new LoggedScalars();

    private @Nullable RunDirectory directory;
    private long second;
    private int files;

    /** Whether a file says where this process begins. */
    private boolean begun;

    /**
     * @param address of the directory, as a person wrote it
     * @param place opens it; asked when there is something to write
     */
    TensorBoardFiles(String address, Supplier<RunDirectory> place) {
        this.address = address;
        this.place = place;
    }

    @Override
    public String name() {
        return "TensorBoard's directory " + address;
    }

    @Override
    public void send(List<HistoryLine> lines) throws IOException {
        RunDirectory to = directory == null ? open(lines.get(0).time()) : directory;
        Instant now = lines.get(0).time();
        EventFile file = new EventFile(now);
        boolean beginning = !begun;
        for (HistoryLine line : lines) {
            Optional<Scalars> logged = scalars.of(line);
            if (beginning && logged.isPresent()) {
                file.starts(now, logged.get().step());
                beginning = false;
            }
            logged.ifPresent(values -> file.scalars(tagged(values)));
            if (line.isDecision() && line.fields().hasNonNull("reason")) {
                file.text(line.time(), scalars.stepOf(line), "freeze_decisions/text_summary", decision(line));
            }
        }
        to.write(String.format(Locale.ROOT, "%s%010d.%06d.spark-lora", PREFIX, second, files), file.toBytes());
        begun = !beginning;
        files++;
    }

    private RunDirectory open(Instant now) throws IOException {
        RunDirectory opened = place.get();
        second = now.getEpochSecond();
        // Two runs of one second, or clocks that differ: what is there comes before this in any case.
        for (String there : opened.list()) {
            if (there.startsWith(PREFIX)) {
                String digits = there.substring(PREFIX.length()).replaceFirst("\\D.*$", "");
                second = digits.isEmpty() || digits.length() > 12
                        ? second
                        : Math.max(second, Long.parseLong(digits) + 1);
            }
        }
        directory = opened;
        return opened;
    }

    private static Scalars tagged(Scalars logged) {
        SortedMap<String, Double> tags = new TreeMap<>();
        logged.values()
                .forEach((name, value) -> tags.put(
                        name.startsWith(EVAL) ? "eval/" + name.substring(EVAL.length()) : "train/" + name, value));
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
        StringBuilder names = new StringBuilder();
        groups.forEach(group -> names.append(names.isEmpty() ? "" : " ").append(group.asText()));
        return names.isEmpty() ? "head only" : names.toString();
    }

    @Override
    public void finish(Outcome outcome) {
        // Every file is whole as it is.
    }
}
