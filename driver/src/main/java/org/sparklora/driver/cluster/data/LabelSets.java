package org.sparklora.driver.cluster.data;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Encoded;

/** Any number of labels a row, none included: 1 for each that it has, 0 for the others. */
public final class LabelSets implements LabelCodec {

    private static final long serialVersionUID = 1L;

    private final ClassLabels labels;

    private LabelSets(ClassLabels labels) {
        this.labels = labels;
    }

    /** Labels in the order of the head's outputs; at least one. */
    public static LabelSets of(List<String> names) {
        return new LabelSets(ClassLabels.ofSets(names));
    }

    @Override
    public Optional<String> problem(String text, String label) {
        for (@Nullable String name : TextLists.parse(label)) {
            if (name == null || name.isEmpty()) {
                return Optional.of(
                        "a label of the row is empty; write nothing but labels with | between them, and nothing"
                                + " at all where the row has none");
            }
            Optional<String> problem = labels.problem(name);
            if (problem.isPresent()) {
                return problem;
            }
        }
        return Optional.empty();
    }

    @Override
    public float[] values(Encoded tokens, String label) {
        float[] values = new float[labels.size()];
        for (@Nullable String name : TextLists.parse(label)) {
            if (name != null) {
                values[(int) labels.encode(name)] = 1;
            }
        }
        return values;
    }
}
