package org.sparklora.driver.job.manifest;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.sparklora.driver.job.text.NearMiss;

/** Why a name or an expression of the job file matches no module of a model, and what to write instead. */
record ModuleHints(List<LinearModule> modules, ModelLayers layers) {

    /** Why an entry of a list matches nothing. */
    String ofName(String name) {
        if (name.equalsIgnoreCase(ModulePattern.AllLinear.SHORTHAND)) {
            return "for every Linear write the string " + ModulePattern.AllLinear.SHORTHAND + " instead of a list";
        }
        if (!layers.isBeyond(name) && name.matches(".*[*+?|()\\[\\]\\\\^$].*")) {
            return "an entry of a list is a name; for a regular expression write a string instead of a list";
        }
        return spelling(name);
    }

    /** Why a string matches nothing. */
    String ofRegex(String regex) {
        if (modules.stream().anyMatch(m -> ModuleMatcher.isNamed(m.path(), regex))) {
            return "a string is a regular expression for the whole name; write a list, [" + regex + "]";
        }
        Pattern pattern = Pattern.compile(regex);
        Optional<LinearModule> partly =
                modules.stream().filter(m -> pattern.matcher(m.path()).find()).findFirst();
        if (partly.isPresent()) {
            return "it matches only a part of '" + partly.get().path()
                    + "' and must match the whole name; begin it with .* perhaps";
        }
        return modules.isEmpty()
                ? endings()
                : "a module's whole name looks like '" + modules.get(0).path() + "'";
    }

    /** What was meant by a name, or by a pattern that looks like one. */
    String spelling(String name) {
        if (ModuleMatcher.isHead(name)) {
            return "the classifier is the implicit group 'head' and always trains";
        }
        if (layers.isBeyond(name)) {
            return "this model has " + layers.range();
        }
        return NearMiss.of(name, endingsOfLength(name.split("\\.", -1).length))
                .map(near -> "did you mean '" + near + "'?")
                .orElseGet(this::endings);
    }

    /** The last parts of all names, for a person who has to pick one. */
    String endings() {
        if (modules.isEmpty()) {
            return "this model has no module that can be adapted";
        }
        return "list names of this model: [" + String.join(", ", endingsOfLength(1)) + "]";
    }

    private Set<String> endingsOfLength(int parts) {
        Set<String> endings = new TreeSet<>();
        for (LinearModule module : modules) {
            String[] path = module.path().split("\\.", -1);
            if (path.length >= parts) {
                endings.add(String.join(".", List.of(path).subList(path.length - parts, path.length)));
            }
        }
        return endings;
    }
}
