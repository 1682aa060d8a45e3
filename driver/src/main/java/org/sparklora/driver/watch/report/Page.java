package org.sparklora.driver.watch.report;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.sparklora.worker.contract.Sha256;

/** Puts the page together: head, sections, and the script that adds what a page can do without. */
final class Page {

    private static final List<PageSection> SECTIONS = List.of(
            new OverviewSection(),
            new LossSection(),
            new MetricsSection(),
            new TimelineSection(),
            new GroupsSection(),
            new TimeSection(),
            new SkippedSection(),
            new TroubleSection(),
            new ManifestSection(),
            new EnvironmentSection());

    private final List<RunStory> runs;
    private final Messages messages;

    /** @param runs at least one */
    Page(List<RunStory> runs, Messages messages) {
        this.runs = List.copyOf(runs);
        this.messages = messages;
    }

    String html() {
        Html html = new Html();
        html.raw("<!DOCTYPE html>\n");
        html.open("html", "lang", messages.language().tag());
        String script = Resources.text("page.js");
        head(html, script);
        html.open("body").raw("\n");
        header(html);
        html.open("main", "id", "main");
        for (PageSection section : SECTIONS) {
            html.open("section", "id", section.key(), "aria-labelledby", "h-" + section.key());
            html.element("h2", messages.text("section." + section.key()), "id", "h-" + section.key());
            section.write(html, runs, messages);
            html.closeBlock();
        }
        html.closeBlock();
        html.open("footer").text(messages.text("footer")).closeBlock();
        html.open("div", "id", "tip", "role", "status", "hidden", "").closeBlock();
        html.open("script", "data-theme-label", messages.text("theme"), "data-read-label", messages.text("chart.keys"));
        html.raw(script).closeBlock();
        html.close().close();
        return html.toString();
    }

    private void head(Html html, String script) {
        html.open("head").empty("meta", "charset", "utf-8");
        // Nothing from anywhere, and no script but the page's own: a name in a run cannot bring another.
        html.empty(
                "meta",
                "http-equiv",
                "Content-Security-Policy",
                "content",
                "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" + sha256(script)
                        + "'");
        html.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        html.empty("meta", "name", "color-scheme", "content", "light dark");
        html.empty("link", "rel", "icon", "href", "data:,");
        html.element("title", title() + " · spark-lora");
        html.open("style").raw(style()).closeBlock();
        html.closeBlock();
    }

    /** The dark colours stand in their file once and hold twice: as the system has it, and as the reader chose. Not on paper. */
    private static String style() {
        String dark = Resources.text("dark.css");
        String both = "@media screen and (prefers-color-scheme: dark) {\n:root:not([data-theme=light]) {\n" + dark
                + "}\n}\n@media screen {\n:root[data-theme=dark] {\n" + dark + "}\n}";
        return Resources.text("page.css").replace("/*DARK*/", both);
    }

    private static String sha256(String script) {
        return Base64.getEncoder().encodeToString(Sha256.digest().digest(script.getBytes(StandardCharsets.UTF_8)));
    }

    private String title() {
        return runs.size() == 1 ? runs.get(0).name() : messages.text("title.several", runs.size());
    }

    private void header(Html html) {
        html.element("a", messages.text("skip"), "class", "skip", "href", "#main");
        html.open("header").open("div", "class", "title").open("h1");
        if (runs.size() == 1) {
            html.data(title());
        } else {
            html.text(title());
        }
        html.close();
        if (runs.size() == 1) {
            OverviewSection.state(html, runs.get(0), messages);
        }
        html.close();
        String last =
                runs.stream().map(RunStory::lastTime).max(String::compareTo).orElse("");
        if (!last.isEmpty()) {
            html.element("p", messages.text("as.of", Times.text(last)), "class", "note");
        }
        html.open("nav", "aria-label", messages.text("contents")).open("ul");
        for (PageSection section : SECTIONS) {
            html.open("li").element("a", messages.text("section." + section.key()), "href", "#" + section.key());
            html.close();
        }
        html.close().close().closeBlock();
    }
}
