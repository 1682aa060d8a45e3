package org.sparklora.driver.job.manifest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.PatternSyntaxException;
import org.junit.jupiter.api.Test;

/** PEFT's get_pattern_key: {@code (.*\.)?(KEY)$}, from the start of the name. */
class PatternMapTest {

    private static final String QUERY = "bert.encoder.layer.1.attention.self.query";

    @Test
    void aKeyMatchesTheWholeNameOrWhatFollowsADot() {
        assertThat(one("query").first(QUERY)).isPresent();
        assertThat(one("1.attention.self.query").first(QUERY)).isPresent();
        assertThat(one(QUERY).first(QUERY)).isPresent();
        assertThat(one("uery").first(QUERY)).isEmpty();
        assertThat(one("attention.self").first(QUERY)).isEmpty();
        assertThat(one("1.attention.self.query").first("bert.encoder.layer.11.attention.self.query"))
                .isEmpty();
    }

    @Test
    void aKeyIsARegularExpression() {
        assertThat(one("layer\\.(0|1)\\..*").first(QUERY)).isPresent();
        assertThat(one("value|query").first(QUERY)).isPresent();
        assertThat(one("^bert.*query").first(QUERY)).isPresent();
        assertThat(one("^encoder.*query").first(QUERY)).isEmpty();
        assertThatThrownBy(() -> one("(")).isInstanceOf(PatternSyntaxException.class);
    }

    @Test
    void theFirstKeyThatMatchesCounts() {
        Map<String, Integer> ranks = new LinkedHashMap<>();
        ranks.put("value", 2);
        ranks.put(".*self.*", 4);
        ranks.put("query", 8);
        PatternMap<Integer> patterns = PatternMap.of(ranks);
        assertThat(patterns.valueOf(QUERY, 1)).isEqualTo(4);
        assertThat(patterns.valueOf("bert.pooler.dense", 1)).isEqualTo(1);
        assertThat(List.copyOf(patterns.asMap().keySet())).containsExactly("value", ".*self.*", "query");
    }

    @Test
    void theOrderIsPartOfTheValue() {
        PatternMap.Entry<Integer> a = new PatternMap.Entry<>("a", 1);
        PatternMap.Entry<Integer> b = new PatternMap.Entry<>("b", 2);
        assertThat(new PatternMap<>(List.of(a, b))).isNotEqualTo(new PatternMap<>(List.of(b, a)));
    }

    private static PatternMap<Integer> one(String key) {
        return PatternMap.of(Map.of(key, 4));
    }
}
