package org.sparklora.driver.job.manifest;

import java.util.List;
import java.util.regex.Pattern;

/** Modules as {@code target_modules} and {@code exclude_modules} name them, in PEFT's spellings. */
public sealed interface ModulePattern {

    /** No module. */
    ModulePattern NONE = new Names(List.of());

    /** A list: each entry is a whole module name, or the end of one after a dot. */
    record Names(List<String> names) implements ModulePattern {

        public Names {
            names = List.copyOf(names);
        }
    }

    /** A string: a regular expression that must match the whole name. */
    record Regex(String regex) implements ModulePattern {

        /**
         * Checks the expression.
         *
         * @throws java.util.regex.PatternSyntaxException when it is not a regular expression
         */
        public Regex {
            Pattern.compile(regex);
        }

        Pattern compiled() {
            return Pattern.compile(regex);
        }
    }

    /** The string {@code all-linear}: every Linear but the head's; where BERT's pooler is read, with the pooler's, as in PEFT. */
    record AllLinear() implements ModulePattern {

        /** The job file's spelling, and PEFT's; case does not count. */
        public static final String SHORTHAND = "all-linear";
    }
}
