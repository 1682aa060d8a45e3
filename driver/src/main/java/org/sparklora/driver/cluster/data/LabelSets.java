package org.sparklora.driver.cluster.data;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Encoded;

/** Encodes any number of labels a row, also none: 1 for each label that the row has, 0 for the others. */
final class LabelSets implements LabelCodec {

    private static final long serialVersionUID = 1L;

    private final ClassLabels labels;

    /** Creates a codec for at least one label, in the order of the head's outputs. */
    LabelSets(List<String> names) {
        this.labels = ClassLabels.ofSets(names);
    }

    @Override
    public Optional<Problem> problem(String text, String label) {
        for (@Nullable String name : TextLists.parse(label)) {
            if (name == null || name.isEmpty()) {
                return Optional.of(new Problem(
                        "data.label.invalid",
                        "a label of the row is empty; separate labels with |, and leave the cell empty if the row has"
                                + " none"));
            }
            Optional<Problem> problem = labels.problem(name);
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
