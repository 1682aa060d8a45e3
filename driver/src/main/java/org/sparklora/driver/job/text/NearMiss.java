package org.sparklora.driver.job.text;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Finds the name that a user probably meant. Case, blanks around a name, and whether it has - or _, do not count. */
public final class NearMiss {

    /** Below this a shared part of two names says nothing. */
    private static final int SHORTEST_PART = 4;

    private NearMiss() {}

    /**
     * The candidate that differs by the fewest edits, at most one in three letters; failing that, the shortest one that
     * contains the given name or is part of it ({@code epochs} for {@code num_train_epochs}). Ties go to the first by name.
     */
    public static Optional<String> of(String given, Collection<String> candidates) {
        String wanted = normal(given);
        // Of one or two letters an edit makes another word: no is not on.
        int most = wanted.length() / 3;
        Optional<String> close = candidates.stream()
                .filter(c -> !wanted.isEmpty() && edits(wanted, normal(c)) <= most)
                .min(Comparator.comparingInt((String c) -> edits(wanted, normal(c)))
                        .thenComparing(Comparator.naturalOrder()));
        return close.or(() -> candidates.stream()
                .filter(c -> isPart(wanted, normal(c)) || isPart(normal(c), wanted))
                .min(Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder())));
    }

    /** All candidates that differ by few edits or share a part, the nearest first. */
    public static List<String> all(String given, Collection<String> candidates) {
        String wanted = normal(given);
        int most = wanted.length() / 3;
        return candidates.stream()
                .filter(c -> isPart(wanted, normal(c))
                        || isPart(normal(c), wanted)
                        || (Math.abs(c.length() - wanted.length()) <= most && edits(wanted, normal(c)) <= most))
                .sorted(Comparator.comparingInt((String c) -> edits(wanted, normal(c)))
                        .thenComparing(Comparator.naturalOrder()))
                .toList();
    }

    private static boolean isPart(String part, String whole) {
        return part.length() >= SHORTEST_PART && whole.contains(part);
    }

    private static String normal(String name) {
        return name.strip().toLowerCase(Locale.ROOT).replace('-', '_');
    }

    /** Levenshtein distance in which swapping two neighbours is one edit. */
    static int edits(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] = Math.min(d[i - 1][j - 1] + change, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
