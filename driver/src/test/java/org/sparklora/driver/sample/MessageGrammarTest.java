package org.sparklora.driver.sample;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MessageGrammarTest {

    @Test
    void fillsRulesChoicesAndBoundTexts() {
        MessageGrammar grammar = MessageGrammar.parse(
                List.of("# comment", "letter:", "  {core}, {and|but {who} says} {who}", "", "who:", "  she", "  he"));
        assertThat(grammar.expand("letter", Map.of("core", "it rains"), n -> 0)).isEqualTo("it rains, and she");
        assertThat(grammar.expand("letter", Map.of("core", "it rains"), n -> n - 1))
                .isEqualTo("it rains, but he says he");
    }

    @Test
    void refusesInvalidGrammars() {
        assertThatThrownBy(() -> MessageGrammar.parse(List.of("a:", "  x", "a:")))
                .hasMessageContainingAll("line 3", "'a'", "twice");
        assertThatThrownBy(() -> MessageGrammar.parse(List.of("  x")))
                .hasMessageContainingAll("line 1", "'x'");
        MessageGrammar grammar = MessageGrammar.parse(List.of("a:", "  {b}", "c:", "  {a"));
        assertThatThrownBy(() -> grammar.expand("a", Map.of(), n -> 0))
                .hasMessageContaining("{b}");
        assertThatThrownBy(() -> grammar.expand("c", Map.of(), n -> 0))
                .hasMessageContaining("'{a'");
    }
}
