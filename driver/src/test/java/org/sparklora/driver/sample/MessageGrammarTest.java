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
    void refusesWhatItCannotRead() {
        assertThatThrownBy(() -> MessageGrammar.parse(List.of("a:", "  x", "a:")))
                .hasMessage("grammar line 3: rule 'a' is defined twice; put its alternatives under one name");
        assertThatThrownBy(() -> MessageGrammar.parse(List.of("  x")))
                .hasMessage(
                        "grammar line 1: 'x' is neither 'rule:' at the margin nor an indented alternative of a rule");
        MessageGrammar grammar = MessageGrammar.parse(List.of("a:", "  {b}", "c:", "  {a"));
        assertThatThrownBy(() -> grammar.expand("a", Map.of(), n -> 0))
                .hasMessage("the grammar uses {b} and defines no such rule");
        assertThatThrownBy(() -> grammar.expand("c", Map.of(), n -> 0))
                .hasMessage("the grammar has a '{' without its '}' in '{a'");
    }
}
