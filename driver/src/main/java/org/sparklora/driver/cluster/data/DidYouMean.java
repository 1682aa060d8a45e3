package org.sparklora.driver.cluster.data;

import java.util.Collection;
import java.util.stream.Collectors;
import org.sparklora.driver.job.text.NearMiss;

/** Suggestions in messages about data: the name that was probably meant, and the names that exist. */
final class DidYouMean {

    private static final int MAX_NAMES = 20;

    private DidYouMean() {}

    /** Ends a sentence with {@code "; did you mean 'x'?"}, or with a full stop if no name is similar. */
    static String hint(String wrong, Collection<String> names) {
        return NearMiss.of(wrong, names)
                .map(name -> "; did you mean '" + name + "'?")
                .orElse(".");
    }

    /** Lists the names in quotes, at most {@value #MAX_NAMES} of them. */
    static String list(Collection<String> names) {
        String shown = names.stream().limit(MAX_NAMES).map(n -> "'" + n + "'").collect(Collectors.joining(", "));
        return names.size() > MAX_NAMES ? shown + ", … (" + names.size() + " in all)" : shown;
    }
}
