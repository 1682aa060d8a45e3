package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class HtmlTest {

    @Test
    void whatIsSaidMeansItself() {
        Html html = new Html()
                .open("p", "title", "a \"b\" <c>")
                .text("1 < 2 & 'x' \"y\"")
                .close();
        assertThat(html.toString())
                .isEqualTo("<p title=\"a &quot;b&quot; &lt;c&gt;\">1 &lt; 2 &amp; &#39;x&#39; &quot;y&quot;</p>");
    }

    @Test
    void whatHtmlCannotSayIsReplaced() {
        assertThat(Html.escape("a\u0000b\u001bc\ud83d")).isEqualTo("a\ufffdb\ufffdc\ufffd");
        assertThat(Html.escape("\udc00")).isEqualTo("\ufffd");
        assertThat(Html.escape("\ud83d\ude00\n\t好")).isEqualTo("\ud83d\ude00\n\t好");
    }

    @Test
    void recordedNamesAreIsolated() {
        assertThat(new Html().data("\u202ename").toString()).isEqualTo("<bdi translate=\"no\">\u202ename</bdi>");
    }

    @Test
    void whatIsNotClosedIsAnError() {
        Html html = new Html().open("div").open("p");
        assertThatThrownBy(html::toString).hasMessage("not closed: [p, div]");
    }
}
