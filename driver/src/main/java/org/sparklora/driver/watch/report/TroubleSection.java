package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/** What failed, and how the run went on. */
final class TroubleSection extends RunSection {

    @Override
    public String key() {
        return "trouble";
    }

    @Override
    void write(Html html, RunStory run, Messages messages) {
        int again = run.runs().size() - 1;
        if (again > 0) {
            html.element("p", messages.text("trouble.resumed", again));
        }
        String message = run.status().path("message").asText();
        if (!message.isEmpty()) {
            html.open("p")
                    .text(messages.text("trouble.ended") + " ")
                    .data(message)
                    .closeBlock();
        }
        List<JsonNode> troubles = run.troubles();
        if (troubles.isEmpty()) {
            html.element("p", messages.text("trouble.none"), "class", "note");
            return;
        }
        Table table = new Table(html, messages.text("section.trouble"))
                .head(
                        messages.text("time"),
                        messages.text("what"),
                        messages.text("epoch"),
                        messages.text("step"),
                        messages.text("details"));
        for (JsonNode trouble : troubles.subList(0, Math.min(troubles.size(), Table.MOST_ROWS))) {
            boolean failed = trouble.path("event").asText().equals("failure");
            table.row(
                    Table.words(Times.text(trouble.path("time").asText())),
                    Table.words(
                            failed
                                    ? messages.text(
                                            "trouble.failure",
                                            trouble.path("attempt").asText("1"))
                                    : messages.text(
                                            "trouble.recovered",
                                            trouble.path("ranks").asText("–"))),
                    Table.words(trouble.path("epoch").asText("–")),
                    Table.words(trouble.path("step").asText("–")),
                    Table.recorded(trouble.path("message").asText()));
        }
        table.end();
        if (troubles.size() > Table.MOST_ROWS) {
            html.element("p", messages.text("first", Table.MOST_ROWS), "class", "note");
        }
    }
}
