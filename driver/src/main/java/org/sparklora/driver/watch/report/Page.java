package org.sparklora.driver.watch.report;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.sparklora.worker.contract.Sha256;

/** Assembles the page: head, sections, and the script with optional extras. */
final class Page {

    private static final List<Section> SECTIONS = List.of(
            new OverviewSection(),
            new LossSection(),
            new MetricsSection(),
            new TimelineSection(),
            new GroupsSection(),
            new TimeSection(),
            new SkippedSection(),
            new FailuresSection(),
            new ManifestSection(),
            new EnvironmentSection());

    private Page() {}

    /** @param runs at least one */
    static String html(List<RunData> runs, Messages messages) {
        Html html = new Html(messages);
        String script = Messages.resource("page.js");
        html.raw("<!DOCTYPE html>\n").open("html", "lang", messages.language().tag());
        head(html, runs, script);
        html.open("body").raw("\n");
        header(html, runs);
        html.open("main", "id", "main");
        for (Section section : SECTIONS) {
            String heading = "h-" + section.key();
            html.open("section", "id", section.key(), "aria-labelledby", heading);
            html.element("h2", section.title(messages), "id", heading);
            section.write(html, runs);
            html.closeBlock();
        }
        html.closeBlock();
        html.open("footer").text(messages.text("footer")).closeBlock();
        html.open("div", "id", "tip", "role", "status", "hidden", "").closeBlock();
        html.open("script", "data-theme-label", messages.text("theme"), "data-read-label", messages.text("chart.keys"));
        html.raw(script).closeBlock();
        return html.close().close().toString();
    }

    private static void head(Html html, List<RunData> runs, String script) {
        String sha256 =
                Base64.getEncoder().encodeToString(Sha256.digest().digest(script.getBytes(StandardCharsets.UTF_8)));
        html.open("head").empty("meta", "charset", "utf-8");
        // The page loads nothing and runs no other script, so a name in a run cannot inject one.
        html.empty(
                "meta",
                "http-equiv",
                "Content-Security-Policy",
                "content",
                "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" + sha256 + "'");
        html.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        html.empty("meta", "name", "color-scheme", "content", "light dark");
        html.empty("link", "rel", "icon", "href", "data:,");
        html.element("title", title(html, runs) + " · spark-lora");
        html.open("style").raw(style()).closeBlock();
        html.closeBlock();
    }

    /** Inserts the dark colours twice: for the system's setting and for the button. Not for printing. */
    private static String style() {
        String dark = Messages.resource("dark.css");
        String both = "@media screen and (prefers-color-scheme: dark) {\n:root:not([data-theme=light]) {\n" + dark
                + "}\n}\n@media screen {\n:root[data-theme=dark] {\n" + dark + "}\n}";
        return Messages.resource("page.css").replace("/*DARK*/", both);
    }

    private static String title(Html html, List<RunData> runs) {
        return runs.size() == 1 ? runs.get(0).name() : html.messages().text("title.several", runs.size());
    }

    private static void header(Html html, List<RunData> runs) {
        Messages messages = html.messages();
        html.element("a.skip", messages.text("skip"), "href", "#main");
        html.open("header").open("div.title").open("h1");
        if (runs.size() == 1) {
            html.data(title(html, runs)).close();
            OverviewSection.state(html, runs.get(0));
        } else {
            html.text(title(html, runs)).close();
        }
        html.close();
        String last =
                runs.stream().map(RunData::lastTime).max(String::compareTo).orElse("");
        if (!last.isEmpty()) {
            html.note("as.of", Formats.time(last));
        }
        html.open("nav", "aria-label", messages.text("contents")).open("ul");
        for (Section section : SECTIONS) {
            html.open("li")
                    .element("a", section.title(messages), "href", "#" + section.key())
                    .close();
        }
        html.close().close().closeBlock();
    }
}
