package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;

/** What the numbers come from: versions, machine, seeds, choices, digests, and the job. */
final class EnvironmentSection extends RunSection {

    @Override
    public String key() {
        return "environment";
    }

    @Override
    void write(Html html, RunStory run, Messages messages) {
        JsonNode event = run.run();
        html.open("dl", "class", "facts");
        fact(html, messages.text("location"), Table.data(run.location()));
        digest(html, messages.text("digest.adapter"), run.finished().path("adapter_sha256"));
        digest(html, messages.text("digest.base"), event.path("base_model_sha256"));
        digest(html, messages.text("digest.configuration"), event.path("configuration_sha256"));
        event.path("versions").fields().forEachRemaining(e -> {
            html.open("dt")
                    .data(e.getKey())
                    .close()
                    .open("dd")
                    .data(e.getValue().asText())
                    .close();
        });
        fact(html, messages.text("cpu"), Table.data(String.join(", ", Json.texts(event.path("cpu")))));
        event.path("seeds").fields().forEachRemaining(e -> {
            html.open("dt").text(messages.text("seed")).close();
            html.open("dd")
                    .data(e.getKey().equals("seed") ? e.getValue().asText() : e.getKey() + " " + e.getValue())
                    .close();
        });
        html.closeBlock();
        choices(html, messages, event.path("choices"));
        if (!run.configuration().isEmpty()) {
            html.open("details").element("summary", messages.text("configuration"));
            html.element("pre", run.configuration(), "translate", "no", "tabindex", "0")
                    .closeBlock();
        }
    }

    private static void choices(Html html, Messages messages, JsonNode choices) {
        if (choices.isEmpty()) {
            return;
        }
        html.open("details").element("summary", messages.text("choices")).open("dl", "class", "facts");
        choices.fields()
                .forEachRemaining(e -> html.open("dt")
                        .text(messages.word("choice.", e.getKey()))
                        .close()
                        .open("dd")
                        .data(e.getValue().asText())
                        .close());
        html.close().closeBlock();
    }

    private static void digest(Html html, String name, JsonNode sha256) {
        if (sha256.isTextual()) {
            fact(html, name, Table.code(sha256.asText()));
        }
    }

    private static void fact(Html html, String name, Table.Cell value) {
        html.element("dt", name).open("dd");
        value.write(html);
        html.close();
    }
}
