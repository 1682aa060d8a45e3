package org.sparklora.driver.watch.report;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.sparklora.driver.job.text.Resource;
import org.sparklora.worker.contract.Sha256;

/** Assembles the page: head, sections, and the script with optional extras. */
final class Page {

    private static final List<Section> SECTIONS = List.of(
            new Section("overview", OverviewSection::write),
            new Section("loss", LossSection::write),
            new Section("metrics", MetricsSection::write),
            Section.ofEach("timeline", TimelineSection::write),
            Section.ofEach("groups", GroupsSection::write),
            Section.ofEach("time", TimeSection::write),
            Section.ofEach("skipped", SkippedSection::write),
            Section.ofEach("failures", FailuresSection::write),
            Section.ofEach("manifest", ManifestSection::write),
            Section.ofEach("environment", EnvironmentSection::write));

    private Page() {}

    /** @param runs at least one */
    static String html(List<RunData> runs, Messages messages) {
        String title = runs.size() == 1 ? runs.get(0).name() : messages.text("title.several", runs.size());
        return html(title, runs.size() == 1 ? Optional.of(runs.get(0)) : Optional.empty(), SECTIONS, runs, messages);
    }

    /**
     * A page with a title of its own and some sections.
     *
     * @param about the one run that it is about, whose state stands beside the title
     */
    static String html(
            String title, Optional<RunData> about, List<Section> sections, List<RunData> runs, Messages messages) {
        Html body = new Html(messages);
        header(body, title, about, sections, runs);
        body.open("main", "id", "main");
        for (Section section : sections) {
            String heading = "h-" + section.key();
            body.open("section", "id", section.key(), "aria-labelledby", heading);
            body.element("h2", section.title(messages), "id", heading);
            section.content().accept(body, runs);
            body.closeBlock();
        }
        body.closeBlock();
        String dark = Resource.text(Page.class, "dark.css");
        String script = Resource.text(Page.class, "page.js");
        byte[] sha256 = Sha256.digest().digest(script.getBytes(StandardCharsets.UTF_8));
        Map<String, String> parts = Map.of(
                "language", messages.language().locale().toLanguageTag(),
                "sha256", Base64.getEncoder().encodeToString(sha256),
                "title", Html.escape(title),
                // The dark colours twice: for the system's setting and for the button. Not for printing.
                "style", Resource.text(Page.class, "page.css").replace("/*DARK*/", dark),
                "body", body.toString(),
                "footer", Html.escape(messages.text("footer")),
                "theme", Html.escape(messages.text("theme")),
                "keys", Html.escape(messages.text("chart.keys")),
                "script", script);
        return Resource.filled(Page.class, "page.html", parts);
    }

    private static void header(
            Html html, String title, Optional<RunData> about, List<Section> sections, List<RunData> runs) {
        Messages messages = html.messages();
        html.element("a.skip", messages.text("skip"), "href", "#main");
        html.open("header").open("div.title").open("h1");
        if (about.isPresent()) {
            html.data(title).close();
            OverviewSection.state(html, about.get());
        } else {
            html.text(title).close();
        }
        html.close();
        String last =
                runs.stream().map(RunData::lastTime).max(String::compareTo).orElse("");
        if (!last.isEmpty()) {
            html.note("as.of", Formats.time(last));
        }
        html.open("nav", "aria-label", messages.text("contents")).open("ul");
        for (Section section : sections) {
            String link = "#" + section.key();
            html.open("li").element("a", section.title(messages), "href", link).close();
        }
        html.close().close().closeBlock();
    }
}
