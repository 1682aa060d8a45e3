package org.sparklora.driver.watch.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class MessagesTest {

    private static final Pattern PLACE = Pattern.compile("\\{\\d}");

    /** Names that Chinese texts write in Latin letters, too. */
    private static final Set<String> INTERNATIONAL = Set.of(
            "spark",
            "lora",
            "history",
            "jsonl",
            "manifest",
            "json",
            "config",
            "yaml",
            "SHA",
            "AdamW",
            "Spark",
            "AUC",
            "F",
            "L",
            "FLOP",
            "plan",
            "r");

    private final Messages en = new Messages(Language.EN);
    private final Messages zh = new Messages(Language.ZH);

    @Test
    void bothLanguagesHaveTheSameKeysAndPlaceholders() {
        assertThat(zh.keys()).isEqualTo(en.keys());
        for (String key : en.keys()) {
            assertThat(en.text(key)).as(key).isNotBlank();
            assertThat(places(zh.text(key))).as(key).isEqualTo(places(en.text(key)));
        }
    }

    private static Set<String> places(String text) {
        Set<String> places = new TreeSet<>();
        Matcher m = PLACE.matcher(text);
        while (m.find()) {
            places.add(m.group());
        }
        return places;
    }

    @Test
    void theChineseTableHasNoEnglishWords() {
        for (String key : zh.keys()) {
            assertThat(latin(zh.text(key))).as(key).isSubsetOf(INTERNATIONAL);
        }
    }

    /** The words in Latin letters. */
    static Set<String> latin(String text) {
        Set<String> words = new TreeSet<>();
        Matcher m = Pattern.compile("[A-Za-z]+").matcher(text);
        while (m.find()) {
            words.add(m.group());
        }
        return words;
    }

    static boolean isInternational(String word) {
        return INTERNATIONAL.contains(word);
    }

    @Test
    void valuesReplaceTheirPlaceholders() {
        assertThat(en.text("at.step", 2, 17)).isEqualTo("epoch 2, step 17");
        assertThat(zh.text("timeline.span", "top", "训练中", "第 0 轮", "第 2 轮")).isEqualTo("top：训练中，从第 0 轮到第 2 轮");
        assertThatThrownBy(() -> en.text("no.such.key")).hasMessageContainingAll("no.such.key", "EN");
    }

    @Test
    void metricsHaveNamesAndUnknownOnesStay() {
        assertThat(en.metric("f1_sport")).isEqualTo("F1 of sport");
        assertThat(zh.metric("accuracy")).isEqualTo("准确率");
        assertThat(en.metric("of_a_later_build")).isEqualTo("of_a_later_build");
    }
}
