package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.StringJoiner;

/** Versions, machine, seeds, choices that change rounding, digests, and the job. */
final class EnvironmentSection {

    private EnvironmentSection() {}

    static void write(Html html, RunData run) {
        Messages messages = html.messages();
        JsonNode start = run.last("run");
        html.open("dl.facts");
        fact(html, messages.text("location"), run.location());
        digest(html, "digest.adapter", run.last("finished").path("adapter_sha256"));
        digest(html, "digest.base", start.path("base_model_sha256"));
        digest(html, "digest.configuration", start.path("configuration_sha256"));
        start.path("versions").fields().forEachRemaining(version -> {
            html.open("dt").data(version.getKey()).close();
            html.open("dd").data(version.getValue().asText()).close();
        });
        StringJoiner cpus = new StringJoiner(", ");
        start.path("cpu").forEach(cpu -> cpus.add(cpu.asText()));
        fact(html, messages.text("cpu"), cpus.toString());
        start.path("seeds").fields().forEachRemaining(seed -> {
            String name = seed.getKey().equals("seed") ? "" : seed.getKey() + " ";
            fact(html, messages.text("seed"), name + seed.getValue().asText());
        });
        html.closeBlock();
        if (!start.path("choices").isEmpty()) {
            html.open("details").element("summary", messages.text("choices")).open("dl.facts");
            start.path("choices").fields().forEachRemaining(choice -> {
                String name = messages.word("choice.", choice.getKey());
                fact(html, name, choice.getValue().asText());
            });
            html.close().closeBlock();
        }
        if (!run.files().configuration().isEmpty()) {
            html.open("details").element("summary", messages.text("configuration"));
            html.element("pre", run.files().configuration(), "translate", "no", "tabindex", "0");
            html.closeBlock();
        }
    }

    private static void digest(Html html, String key, JsonNode sha256) {
        if (sha256.isTextual()) {
            html.element("dt", html.messages().text(key)).open("dd");
            html.code(sha256.asText()).close();
        }
    }

    private static void fact(Html html, String name, String value) {
        html.element("dt", name).open("dd").data(value).close();
    }
}
