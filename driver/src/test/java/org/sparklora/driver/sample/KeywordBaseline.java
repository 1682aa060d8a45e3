package org.sparklora.driver.sample;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.sample.SampleMessages.LabeledText;

/**
 * What a reader who knows one word per class would score: a decision list of (keyword → class) rules, first match
 * wins, with a default class.
 *
 * <p>Fitted on train in as strong a form as is reasonable: a beam search over lists, each extended by every keyword
 * and class, kept by the number of training messages right with the best default; then coordinate ascent, which
 * re-picks each rule with the others fixed and moves each to every position, until nothing improves.
 */
final class KeywordBaseline {

    /** At most one rule for a class, or any rules. */
    enum Form {
        ONE_KEYWORD_PER_CLASS,
        ANY_KEYWORDS
    }

    private record Rule(String keyword, String label) {}

    private record Candidate(List<Rule> rules, int right) {}

    private record Seen(Set<String> tokens, String label) {}

    private static final Pattern TOKEN = Pattern.compile("[a-z]+");
    private static final int BEAM = 12;

    private final List<Rule> rules;
    private final String defaultLabel;

    private KeywordBaseline(List<Rule> rules, String defaultLabel) {
        this.rules = rules;
        this.defaultLabel = defaultLabel;
    }

    static KeywordBaseline fit(List<LabeledText> train, int ruleCount, Form form) {
        List<Seen> seen = train.stream()
                .map(message -> new Seen(tokens(message.text()), message.label()))
                .toList();
        List<Candidate> beam = List.of(new Candidate(List.of(), 0));
        for (int k = 0; k < ruleCount; k++) {
            List<Candidate> longer = new ArrayList<>();
            for (Candidate candidate : beam) {
                longer.addAll(insertions(candidate.rules(), candidate.rules().size(), seen, form));
            }
            beam = best(longer);
        }
        Candidate polished = beam.stream()
                .map(candidate -> polish(candidate, seen, form))
                .max(Comparator.comparingInt(Candidate::right))
                .orElseThrow();
        return new KeywordBaseline(polished.rules(), defaultLabel(polished.rules(), seen));
    }

    double accuracy(List<LabeledText> messages) {
        long right = messages.stream()
                .filter(message -> predict(tokens(message.text())).equals(message.label()))
                .count();
        return (double) right / messages.size();
    }

    @Override
    public String toString() {
        return rules + " else " + defaultLabel;
    }

    static Set<String> tokens(String text) {
        Set<String> tokens = new LinkedHashSet<>();
        Matcher matcher = TOKEN.matcher(text.toLowerCase(Locale.ROOT));
        while (matcher.find()) {
            tokens.add(matcher.group());
        }
        return tokens;
    }

    private String predict(Set<String> tokens) {
        for (Rule rule : rules) {
            if (tokens.contains(rule.keyword())) {
                return rule.label();
            }
        }
        return defaultLabel;
    }

    private static Candidate polish(Candidate start, List<Seen> seen, Form form) {
        Candidate now = start;
        for (boolean better = true; better; ) {
            better = false;
            for (int out = 0; out < now.rules().size(); out++) {
                List<Rule> others = new ArrayList<>(now.rules());
                others.remove(out);
                for (int position = 0; position <= others.size(); position++) {
                    Candidate top =
                            best(insertions(others, position, seen, form)).get(0);
                    if (top.right() > now.right()) {
                        now = top;
                        better = true;
                        others = new ArrayList<>(now.rules());
                        others.remove(position);
                    }
                }
            }
        }
        return now;
    }

    /** Every list made by putting one more rule at a position, with the training messages each gets right. */
    private static List<Candidate> insertions(List<Rule> rules, int position, List<Seen> seen, Form form) {
        List<Rule> before = rules.subList(0, position);
        List<Rule> after = rules.subList(position, rules.size());
        // With the rule inserted, a message it matches counts for the rule's class; any other keeps its fate: right by
        // a rule, or left to the default, counted by class.
        int rightByOthers = 0;
        Map<String, Integer> left = new HashMap<>();
        Map<String, Tally> byKeyword = new HashMap<>();
        for (Seen message : seen) {
            Rule earlier = firstMatch(before, message.tokens());
            Rule later = firstMatch(after, message.tokens());
            Rule match = earlier != null ? earlier : later;
            boolean right = match != null && match.label().equals(message.label());
            rightByOthers += right ? 1 : 0;
            if (match == null) {
                left.merge(message.label(), 1, Integer::sum);
            }
            if (earlier == null) {
                for (String token : message.tokens()) {
                    Tally tally = byKeyword.computeIfAbsent(token, t -> new Tally());
                    tally.matched.merge(message.label(), 1, Integer::sum);
                    tally.rightBefore += right ? 1 : 0;
                    if (match == null) {
                        tally.takenFromDefault.merge(message.label(), 1, Integer::sum);
                    }
                }
            }
        }
        List<Candidate> candidates = new ArrayList<>();
        for (Map.Entry<String, Tally> entry : byKeyword.entrySet()) {
            Tally tally = entry.getValue();
            int byDefault = 0;
            for (Map.Entry<String, Integer> rest : left.entrySet()) {
                byDefault =
                        Math.max(byDefault, rest.getValue() - tally.takenFromDefault.getOrDefault(rest.getKey(), 0));
            }
            for (Map.Entry<String, Integer> matched : tally.matched.entrySet()) {
                String label = matched.getKey();
                if (form == Form.ONE_KEYWORD_PER_CLASS
                        && rules.stream().anyMatch(rule -> rule.label().equals(label))) {
                    continue;
                }
                List<Rule> longer = new ArrayList<>(rules);
                longer.add(position, new Rule(entry.getKey(), label));
                int right = rightByOthers - tally.rightBefore + matched.getValue() + byDefault;
                candidates.add(new Candidate(longer, right));
            }
        }
        return candidates;
    }

    private static final class Tally {
        final Map<String, Integer> matched = new HashMap<>();
        final Map<String, Integer> takenFromDefault = new HashMap<>();
        int rightBefore;
    }

    private static List<Candidate> best(List<Candidate> candidates) {
        return candidates.stream()
                .sorted(Comparator.comparingInt(Candidate::right)
                        .reversed()
                        .thenComparing(candidate -> candidate.rules().toString()))
                .limit(BEAM)
                .toList();
    }

    private static String defaultLabel(List<Rule> rules, List<Seen> seen) {
        Map<String, Integer> left = new HashMap<>();
        for (Seen message : seen) {
            left.merge(message.label(), firstMatch(rules, message.tokens()) == null ? 1 : 0, Integer::sum);
        }
        return left.entrySet().stream()
                .max(Map.Entry.<String, Integer>comparingByValue()
                        .thenComparing(Map.Entry.<String, Integer>comparingByKey()))
                .orElseThrow()
                .getKey();
    }

    private static @Nullable Rule firstMatch(List<Rule> rules, Set<String> tokens) {
        for (Rule rule : rules) {
            if (tokens.contains(rule.keyword())) {
                return rule;
            }
        }
        return null;
    }
}
