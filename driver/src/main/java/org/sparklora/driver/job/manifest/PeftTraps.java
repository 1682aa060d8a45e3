package org.sparklora.driver.job.manifest;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.sparklora.driver.job.text.Problems;

/**
 * Where a job's {@code target_modules} meant more modules to PEFT 0.3.0. It took an entry of a list as any ending of a
 * name, so {@code 1.attention.self.query} adapted layer 11 too; here, as in current PEFT, an ending begins after a dot. A
 * recipe that was written for 0.3.0 may rely on that without its author's knowing.
 */
public final class PeftTraps {

    private PeftTraps() {}

    /** One line for each entry that PEFT 0.3.0 read more widely, groups in the order given. */
    public static List<String> of(Collection<GroupSpec> groups, Collection<LinearModule> linears) {
        ModuleMatcher matcher = new ModuleMatcher(linears);
        List<String> traps = new ArrayList<>();
        for (GroupSpec group : groups) {
            if (group.modules().targets() instanceof ModulePattern.Names list) {
                List<LinearModule> ours = matcher.match(group.key(), group.modules(), new Problems());
                for (int i = 0; i < list.names().size(); i++) {
                    String name = list.names().get(i);
                    List<LinearModule> more = linears.stream()
                            .filter(m -> m.path().endsWith(name) && !ModuleMatcher.isNamed(m.path(), name))
                            .filter(m -> matcher.keeps(group.modules(), m) && !ours.contains(m))
                            .toList();
                    if (!more.isEmpty()) {
                        traps.add(group.key() + ".target_modules[" + i + "]='" + name + "' also matches "
                                + ModuleMatcher.shown(more) + " in PEFT 0.3.0; here it does not");
                    }
                }
            }
        }
        return traps;
    }
}
