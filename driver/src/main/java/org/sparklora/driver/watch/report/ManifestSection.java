package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.StringJoiner;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.sparklora.driver.run.history.HistoryLine;

/** The groups of manifest.json. */
final class ManifestSection {

    /** Modules of a group that are listed by name. */
    private static final int MAX_MODULES = 60;

    private ManifestSection() {}

    static void write(Html html, RunData run) {
        Messages messages = html.messages();
        JsonNode groups = run.files().manifest().path("groups");
        if (!groups.isArray() || groups.isEmpty()) {
            html.note("manifest.none");
            return;
        }
        Table table = new Table(
                html, messages.text("section.manifest"), "group state purpose modules rank alpha parameters digest");
        boolean withBiases = run.files().manifest().path("bias").asText().equals("lora_only");
        for (JsonNode group : groups) {
            table.row().data(group.path("name").asText());
            table.text(messages.word("state.", group.path("state").asText()));
            String purpose = group.path("purpose").asText();
            if (group.path("implicit").asBoolean()) {
                table.prose(messages.text("manifest.implicit"));
            } else {
                table.recordedProse(purpose.isEmpty() ? "–" : purpose);
            }
            table.cell(cell -> modules(cell, group));
            table.text(values(group, "r")).text(values(group, "alpha"));
            table.text(Formats.whole(parameters(group, withBiases)));
            table.cell(cell -> cell.digest(group.path("tensors_sha256").asText()));
        }
        table.end();
        StringJoiner labels = new StringJoiner(", ");
        run.files().manifest().path("labels").forEach(label -> labels.add(label.asText()));
        if (labels.length() > 0) {
            html.open("p").text(messages.text("labels") + " ");
            html.data(labels.toString()).closeBlock();
        }
    }

    private static void modules(Html html, JsonNode group) {
        List<String> names = new ArrayList<>();
        group.path("modules").forEach(module -> names.add(module.path("path").asText()));
        group.path("tensors").forEach(tensor -> names.add(tensor.path("name").asText()));
        if (names.size() == 1) {
            html.code(names.get(0));
            return;
        }
        html.open("details").element("summary", html.messages().text("manifest.modules", names.size()));
        html.open("ul.plain");
        for (String name : names.subList(0, Math.min(names.size(), MAX_MODULES))) {
            html.open("li").code(name).close();
        }
        html.close();
        if (names.size() > MAX_MODULES) {
            html.note("first", MAX_MODULES);
        }
        html.close();
    }

    /** The value of a group, or all distinct values of its modules. */
    private static String values(JsonNode group, String key) {
        SortedSet<Double> values = new TreeSet<>();
        group.path("modules").forEach(module -> values.add(HistoryLine.number(module.path(key))));
        values.remove(Double.NaN);
        return values.isEmpty() ? "–" : values.stream().map(Formats::number).collect(Collectors.joining(", "));
    }

    private static double parameters(JsonNode group, boolean withBiases) {
        double sum = 0;
        for (JsonNode module : group.path("modules")) {
            double out = module.path("out").asDouble();
            sum += (withBiases ? out : 0)
                    + module.path("r").asDouble() * (module.path("in").asDouble() + out);
        }
        for (JsonNode tensor : group.path("tensors")) {
            double size = 1;
            for (JsonNode extent : tensor.path("shape")) {
                size *= extent.asDouble();
            }
            sum += size;
        }
        return sum;
    }
}
