package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** The groups as manifest.json has them. */
final class ManifestSection extends RunSection {

    private static final int SHORT = 12;

    /** Modules that are listed by name. */
    private static final int MOST_MODULES = 60;

    @Override
    public String key() {
        return "manifest";
    }

    @Override
    void write(Html html, RunStory run, Messages messages) {
        JsonNode groups = run.manifest().path("groups");
        if (!groups.isArray() || groups.isEmpty()) {
            html.element("p", messages.text("manifest.none"), "class", "note");
            return;
        }
        Table table = new Table(html, messages.text("section.manifest"))
                .head(
                        messages.text("group"),
                        messages.text("state"),
                        messages.text("purpose"),
                        messages.text("modules"),
                        messages.text("rank"),
                        messages.text("alpha"),
                        messages.text("parameters"),
                        messages.text("digest"));
        boolean withBiases = run.manifest().path("bias").asText().equals("lora_only");
        for (JsonNode group : groups) {
            boolean implicit = group.path("implicit").asBoolean();
            table.row(
                    Table.data(group.path("name").asText()),
                    Table.words(messages.word("state.", group.path("state").asText())),
                    implicit ? Table.prose(messages.text("manifest.implicit")) : Table.recorded(purpose(group)),
                    modules(messages, group),
                    Table.words(values(group, "r")),
                    Table.words(values(group, "alpha")),
                    Table.words(NumberFormats.whole(parameters(group, withBiases))),
                    digest(group.path("tensors_sha256").asText()));
        }
        table.end();
        List<String> labels = Json.texts(run.manifest().path("labels"));
        if (!labels.isEmpty()) {
            html.open("p")
                    .text(messages.text("labels") + " ")
                    .data(String.join(", ", labels))
                    .closeBlock();
        }
    }

    private static String purpose(JsonNode group) {
        String purpose = group.path("purpose").asText();
        return purpose.isEmpty() ? "–" : purpose;
    }

    private static Table.Cell modules(Messages messages, JsonNode group) {
        List<String> names = new ArrayList<>();
        group.path("modules").forEach(module -> names.add(module.path("path").asText()));
        group.path("tensors").forEach(tensor -> names.add(tensor.path("name").asText()));
        return html -> {
            if (names.size() == 1) {
                html.code(names.get(0));
                return;
            }
            html.open("details").element("summary", messages.text("manifest.modules", names.size()));
            html.open("ul", "class", "plain");
            names.stream()
                    .limit(MOST_MODULES)
                    .forEach(name -> html.open("li").code(name).close());
            html.close();
            if (names.size() > MOST_MODULES) {
                html.element("p", messages.text("first", MOST_MODULES), "class", "note");
            }
            html.close();
        };
    }

    /** The value of a group; where its modules differ, all values. */
    private static String values(JsonNode group, String key) {
        SortedSet<Double> values = new TreeSet<>();
        group.path("modules").forEach(module -> values.add(Json.number(module.path(key))));
        values.removeIf(value -> value.isNaN());
        if (values.isEmpty()) {
            return "–";
        }
        return String.join(", ", values.stream().map(NumberFormats::number).toList());
    }

    private static double parameters(JsonNode group, boolean withBiases) {
        double sum = 0;
        for (JsonNode module : group.path("modules")) {
            sum += withBiases ? module.path("out").asDouble() : 0;
            sum += module.path("r").asDouble()
                    * (module.path("in").asDouble() + module.path("out").asDouble());
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

    /** The beginning of a digest; all of it as a tip, and to those who hear the page. */
    static Table.Cell digest(String sha256) {
        return html -> {
            if (sha256.length() <= SHORT) {
                html.code(sha256.isEmpty() ? "–" : sha256);
            } else {
                html.element("code", sha256.substring(0, SHORT) + "…", "translate", "no", "title", sha256);
            }
        };
    }
}
