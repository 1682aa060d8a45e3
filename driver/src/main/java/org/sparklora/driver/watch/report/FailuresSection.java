package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/** Failures, and how the run recovered. */
final class FailuresSection {

    private FailuresSection() {}

    static void write(Html html, RunData run) {
        Messages messages = html.messages();
        int resumed = run.events("run").size() - 1;
        if (resumed > 0) {
            html.element("p", messages.text("failures.resumed", resumed));
        }
        String message = run.files().status().path("message").asText();
        if (!message.isEmpty()) {
            html.open("p").text(messages.text("failures.ended") + " ");
            html.data(message).closeBlock();
        }
        List<JsonNode> failures = run.events("failure", "recovered", "waited", "executor_lost", "slow");
        if (failures.isEmpty()) {
            html.note("failures.none");
            return;
        }
        Table table = new Table(html, messages.text("section.failures"), "time what epoch step details");
        table.end(failures, event -> {
            String what = switch (event.path("event").asText()) {
                case "failure" ->
                    messages.text("failures.failure", event.path("attempt").asText("1"));
                case "waited" ->
                    messages.text(
                            "failures.waited",
                            messages.seconds(event.path("seconds").asDouble()),
                            event.path("slots").asText("–"));
                case "executor_lost" ->
                    messages.text(
                            "failures.executor_lost",
                            event.path("executor").asText(),
                            event.path("host").asText(),
                            messages.word("failures.phase.", event.path("phase").asText()),
                            messages.seconds(event.path("seconds").asDouble()));
                case "slow" ->
                    messages.text(
                            "failures.slow",
                            messages.seconds(event.path("seconds").asDouble()),
                            event.path("rank").asText("–"),
                            event.path("shards").asText("–"));
                default ->
                    messages.text("failures.recovered", event.path("ranks").asText("–"));
            };
            table.row().text(Formats.time(event.path("time").asText())).text(what);
            table.text(event.path("epoch").asText("–")).text(event.path("step").asText("–"));
            table.recordedProse(event.path("message")
                    .asText(event.path("reason").asText(event.path("host").asText())));
        });
    }
}
