package org.sparklora.driver.cluster.data;

import java.util.Collection;
import java.util.stream.Collectors;
import org.sparklora.driver.job.text.NearMiss;

/** Help in messages about data: the name that was probably meant, and the names there are. */
final class DidYouMean {

    private static final int MOST_NAMES = 20;

    private DidYouMean() {}

    /** Ends a sentence: {@code "; did you mean 'x'?"}, or a full stop where no name is near. */
    static String hint(String wrong, Collection<String> names) {
        return NearMiss.of(wrong, names)
                .map(name -> "; did you mean '" + name + "'?")
                .orElse(".");
    }

    /** The names in quotes, the first {@value #MOST_NAMES} of them. */
    static String list(Collection<String> names) {
        String shown = names.stream().limit(MOST_NAMES).map(n -> "'" + n + "'").collect(Collectors.joining(", "));
        return names.size() > MOST_NAMES ? shown + ", … (" + names.size() + " in all)" : shown;
    }
}
