package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class HtmlTest {

    private static Html html() {
        return new Html(new Messages(Language.EN));
    }

    @Test
    void textAndAttributesAreEscaped() {
        Html html = html()
                .open("p", "title", "a \"b\" <c>")
                .text("1 < 2 & 'x' \"y\"")
                .close();
        assertThat(html.toString())
                .isEqualTo("<p title=\"a &quot;b&quot; &lt;c&gt;\">1 &lt; 2 &amp; &#39;x&#39; &quot;y&quot;</p>");
    }

    @Test
    void charactersThatHtmlCannotExpressAreReplaced() {
        assertThat(Html.escape("a\u0000b\u001bc\ud83d")).isEqualTo("a\ufffdb\ufffdc\ufffd");
        assertThat(Html.escape("\udc00")).isEqualTo("\ufffd");
        assertThat(Html.escape("\ud83d\ude00\n\t好")).isEqualTo("\ud83d\ude00\n\t好");
    }

    @Test
    void recordedDataIsIsolated() {
        assertThat(html().data("\u202ename").toString()).isEqualTo("<bdi translate=\"no\">\u202ename</bdi>");
    }

    @Test
    void longDigestsAreShortenedAndKeptAsTitle() {
        assertThat(html().digest("0123456789abcdef").toString())
                .isEqualTo("<code translate=\"no\" title=\"0123456789abcdef\">0123456789ab…</code>");
        assertThat(html().digest("").toString()).contains("–");
    }

    @Test
    void anUnclosedElementIsAnError() {
        Html html = html().open("div").open("p");
        assertThatThrownBy(html::toString).hasMessageContaining("[p, div]");
    }
}
