package org.sparklora.driver.manifest;

import java.util.List;

/** What a group's {@code target_modules} and {@code layers_to_transform} say. */
public sealed interface TargetModules {

    /** Layer numbers to keep; empty keeps all, as in PEFT. */
    List<Integer> layers();

    /** A list: each entry is a whole name or the end of a name after a dot. */
    record Names(List<String> names, List<Integer> layers) implements TargetModules {
        public Names {
            names = List.copyOf(names);
            layers = List.copyOf(layers);
        }
    }

    /** A string: a regular expression that must match the whole name. */
    record Regex(String regex, List<Integer> layers) implements TargetModules {
        public Regex {
            layers = List.copyOf(layers);
        }
    }
}
