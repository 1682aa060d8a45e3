package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/** Failures, and how the run recovered. */
final class FailuresSection extends Section {

    FailuresSection() {
        super("failures");
    }

    @Override
    void write(Html html, RunData run) {
        Messages messages = html.messages();
        int resumed = run.starts().size() - 1;
        if (resumed > 0) {
            html.element("p", messages.text("failures.resumed", resumed));
        }
        String message = run.status().path("message").asText();
        if (!message.isEmpty()) {
            html.open("p")
                    .text(messages.text("failures.ended") + " ")
                    .data(message)
                    .closeBlock();
        }
        List<JsonNode> failures = run.failures();
        if (failures.isEmpty()) {
            html.note("failures.none");
            return;
        }
        Table table = new Table(html, title(messages), "time", "what", "epoch", "step", "details");
        for (JsonNode event : failures.subList(0, Math.min(failures.size(), Table.MAX_ROWS))) {
            boolean failed = event.path("event").asText().equals("failure");
            table.row()
                    .text(Formats.time(event.path("time").asText()))
                    .text(
                            failed
                                    ? messages.text(
                                            "failures.failure",
                                            event.path("attempt").asText("1"))
                                    : messages.text(
                                            "failures.recovered",
                                            event.path("ranks").asText("–")))
                    .text(event.path("epoch").asText("–"))
                    .text(event.path("step").asText("–"))
                    .recordedProse(event.path("message").asText());
        }
        table.end();
        if (failures.size() > Table.MAX_ROWS) {
            html.note("first", Table.MAX_ROWS);
        }
    }
}
