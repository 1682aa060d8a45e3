package org.sparklora.driver.sample;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/**
 * A context-free grammar: rules with alternatives, which contain {@code {rule}} and {@code {this|that}}.
 *
 * <p>{@code messages.txt} explains the notation. Alternatives are equally likely; a line that appears twice is twice as
 * likely. The caller makes the choices, so the grammar is immutable and has no randomness.
 */
final class MessageGrammar {

    private final Map<String, List<String>> rules;

    private MessageGrammar(Map<String, List<String>> rules) {
        this.rules = rules;
    }

    static MessageGrammar parse(List<String> lines) {
        Map<String, List<String>> rules = new LinkedHashMap<>();
        List<String> alternatives = null;
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            String content = line.strip();
            if (content.isEmpty() || content.startsWith("#")) {
                continue;
            }
            boolean indented = Character.isWhitespace(line.charAt(0));
            if (!indented && content.endsWith(":")) {
                alternatives = new ArrayList<>();
                String name = content.substring(0, content.length() - 1);
                if (rules.put(name, alternatives) != null) {
                    throw new IllegalArgumentException("grammar line " + (i + 1) + ": rule '" + name
                            + "' is defined twice; merge its alternatives");
                }
            } else if (indented && alternatives != null) {
                alternatives.add(content);
            } else {
                throw new IllegalArgumentException("grammar line " + (i + 1) + ": '" + content
                        + "' is neither 'rule:' without indentation nor an indented alternative");
            }
        }
        return new MessageGrammar(rules);
    }

    Set<String> ruleNames() {
        return rules.keySet();
    }

    /**
     * Expands a rule once.
     *
     * @param bound texts that replace the rules of these names
     * @param choose for n, returns one of 0..n-1; called from left to right
     */
    String expand(String rule, Map<String, String> bound, IntUnaryOperator choose) {
        String given = bound.get(rule);
        if (given != null) {
            return given;
        }
        List<String> alternatives = rules.get(rule);
        if (alternatives == null) {
            throw new IllegalArgumentException("the grammar uses {" + rule + "} but does not define it");
        }
        return fill(alternatives.get(choose.applyAsInt(alternatives.size())), bound, choose);
    }

    private String fill(String template, Map<String, String> bound, IntUnaryOperator choose) {
        StringBuilder text = new StringBuilder();
        int at = 0;
        for (int open = template.indexOf('{'); open >= 0; open = template.indexOf('{', at)) {
            text.append(template, at, open);
            List<String> choices = choices(template, open);
            text.append(
                    choices.size() == 1
                            ? expand(choices.get(0), bound, choose)
                            : fill(choices.get(choose.applyAsInt(choices.size())), bound, choose));
            at = open + String.join("|", choices).length() + 2;
        }
        return text.append(template, at, template.length()).toString();
    }

    /** Splits the brace that opens at an index at its bars, but not at the bars of braces within it. */
    private static List<String> choices(String template, int open) {
        List<String> choices = new ArrayList<>();
        int depth = 0;
        int start = open + 1;
        for (int i = start; i < template.length(); i++) {
            char c = template.charAt(i);
            if (depth == 0 && (c == '|' || c == '}')) {
                choices.add(template.substring(start, i));
                start = i + 1;
                if (c == '}') {
                    return choices;
                }
            } else if (c == '{') {
                depth++;
            } else if (c == '}') {
                depth--;
            }
        }
        throw new IllegalArgumentException("the grammar has an unclosed '{' in '" + template + "'");
    }
}
