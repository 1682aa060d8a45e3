package org.sparklora.driver.data;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.Collectors;

/** Help in messages: the name that was probably meant, and the names there are. */
final class DidYouMean {

    private static final int MOST_NAMES = 20;

    private DidYouMean() {}

    /** Ends a sentence: {@code "; did you mean 'x'?"}, or a full stop where no name is near. */
    static String hint(String wrong, Collection<String> names) {
        String low = wrong.strip().toLowerCase(Locale.ROOT);
        return names.stream()
                .min(Comparator.comparingInt(name -> distance(low, name.strip().toLowerCase(Locale.ROOT))))
                .filter(name ->
                        distance(low, name.strip().toLowerCase(Locale.ROOT)) <= Math.max(1, (low.length() + 1) / 3))
                .map(name -> "; did you mean '" + name + "'?")
                .orElse(".");
    }

    /** The names in quotes, the first {@value #MOST_NAMES} of them. */
    static String list(Collection<String> names) {
        String shown = names.stream().limit(MOST_NAMES).map(n -> "'" + n + "'").collect(Collectors.joining(", "));
        return names.size() > MOST_NAMES ? shown + ", … (" + names.size() + " in all)" : shown;
    }

    /** Levenshtein distance. */
    private static int distance(String a, String b) {
        int[] last = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            last[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] now = new int[b.length() + 1];
            now[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int swap = last[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                now[j] = Math.min(swap, 1 + Math.min(last[j], now[j - 1]));
            }
            last = now;
        }
        return last[b.length()];
    }
}
