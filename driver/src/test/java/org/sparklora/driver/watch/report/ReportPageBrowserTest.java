package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.sparklora.driver.job.text.Resource;

/** The page in a browser: at the width of a desktop and of a phone, in both themes and both languages. */
class ReportPageBrowserTest {

    private static final Pattern FOUND = Pattern.compile("(?s)<pre id=\"found\">(.*?)</pre>");

    @TempDir
    private Path folder;

    private Chromium chromium() {
        Optional<Chromium> installed = Chromium.installed(folder);
        assumeTrue(installed.isPresent(), "skipped: no chromium on the PATH; on Debian: apt-get install chromium");
        return installed.get();
    }

    private PageRun run() {
        PageRun run = new PageRun(folder.resolve("run"));
        run.purpose = PageRun.HOSTILE;
        run.name = "a-name-of-a-run-that-is-so-long-that-it-has-no-place-in-one-line-of-a-phone";
        return run.write();
    }

    @ParameterizedTest
    @EnumSource(Language.class)
    void hasNoLayoutContrastOrKeyboardProblemOnDesktopAndPhone(Language language)
            throws IOException, InterruptedException {
        Chromium chromium = chromium();
        String page = run().page(language);
        String script = Resource.text(ReportPageBrowserTest.class, "check.js");
        // The page's security policy would block the checking script.
        String open = page.replaceFirst("<meta http-equiv=[^>]*>", "");
        assertThat(open).isNotEqualTo(page);
        Files.writeString(
                folder.resolve("page.html"), open.replace("</body>", "<script>" + script + "</script></body>"));
        Path around = Files.writeString(folder.resolve("around.html"), """
            <!DOCTYPE html><meta charset="utf-8"><body><pre id="found"></pre><script>
            var found = [];
            addEventListener('message', function (e) {
              found.push(e.data);
              document.getElementById('found').textContent = JSON.stringify(found);
            });
            </script>
            <iframe src="page.html" style="width:1280px;height:900px"></iframe>
            <iframe src="page.html" style="width:390px;height:844px"></iframe>
            """);
        JsonNode found = found(chromium.run(around, "--dump-dom", "--virtual-time-budget=20000"));
        assertThat(found).hasSize(2);
        for (JsonNode view : found) {
            assertThat(view.path("lang").asText()).isEqualTo(language.locale().toLanguageTag());
            assertThat(view.path("problems")).as("width %s", view.path("width")).isEmpty();
        }
        assertThat(found.findValuesAsText("width")).containsExactlyInAnyOrder("1280", "390");
    }

    private static JsonNode found(String dom) throws IOException {
        Matcher found = FOUND.matcher(dom);
        assertThat(found.find()).as(dom).isTrue();
        String json = found.group(1)
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&nbsp;", " ")
                .replace("&amp;", "&");
        return new ObjectMapper().readTree(json);
    }

    @Test
    void theSecurityPolicyAllowsOnlyThePagesOwnScript() throws IOException, InterruptedException {
        Chromium chromium = chromium();
        String page = run().page(Language.EN);
        Path file = Files.writeString(
                folder.resolve("page.html"),
                page.replace("</body>", "<script>document.title = 'owned'</script></body>"));
        String dom = chromium.run(file, "--dump-dom");
        assertThat(dom)
                .contains("class=\"scripted\"", "<button class=\"theme\"")
                .doesNotContain("<title>owned");
        // Printed.
        Path pdf = folder.resolve("page.pdf");
        chromium.run(file, "--print-to-pdf=" + pdf);
        assertThat(Files.size(pdf)).isGreaterThan(50_000);
    }
}
