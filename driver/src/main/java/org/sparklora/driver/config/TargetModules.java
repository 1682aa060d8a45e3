package org.sparklora.driver.config;

import java.util.List;

/** Which modules a group adapts, as PEFT's {@code target_modules} says it. */
public sealed interface TargetModules {

    /**
     * Modules by name.
     *
     * @param names at least one; each a whole module name, or the end of one after a dot
     */
    record Names(List<String> names) implements TargetModules {

        public Names {
            names = List.copyOf(names);
        }
    }

    /**
     * Modules by pattern.
     *
     * @param pattern a regular expression that compiles, to be matched against whole module names
     */
    record Regex(String pattern) implements TargetModules {}
}
