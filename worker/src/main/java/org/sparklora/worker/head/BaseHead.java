package org.sparklora.worker.head;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * How the head of a job starts from a trained head of its base model. Rows are matched by label name: a row belongs to its
 * label, whatever its position.
 *
 * @param rows for each output of the job, the row of the base model's head; empty if the job's head starts anew
 * @param note what was decided, for people
 */
public record BaseHead(Optional<List<Integer>> rows, String note) {

    /** transformers' names of labels without a name. */
    private static final String ANONYMOUS = "LABEL_\\d+";

    /**
     * Decides.
     *
     * @param outputs number of rows of the base model's head
     * @param names the base model's label names by row, as its config.json has them; may be empty
     * @param labels the job's labels in the order of its outputs; empty for regression
     */
    public static BaseHead of(int outputs, Map<Integer, String> names, List<String> labels) {
        int wanted = Math.max(1, labels.size());
        boolean anonymous = names.values().stream().allMatch(name -> name.matches(ANONYMOUS));
        if (anonymous || labels.isEmpty()) {
            return outputs == wanted
                    ? new BaseHead(
                            Optional.of(IntStream.range(0, outputs).boxed().toList()),
                            "the head starts as the base model's, row i for output i, since its config.json names no labels")
                    : fresh("the base model's has " + outputs + " outputs, the job's " + wanted);
        }
        Map<String, Integer> rowOf = new TreeMap<>();
        names.forEach((row, name) -> rowOf.put(name, row));
        boolean sameLabels = outputs == wanted
                && rowOf.keySet().equals(new TreeSet<>(labels))
                && rowOf.values().stream().allMatch(row -> row >= 0 && row < outputs);
        return sameLabels
                ? new BaseHead(
                        Optional.of(labels.stream().map(rowOf::get).toList()),
                        "the head starts as the base model's, each label with the row of its name")
                : fresh("the base model's is for the labels " + List.copyOf(names.values()));
    }

    private static BaseHead fresh(String why) {
        return new BaseHead(Optional.empty(), "the head starts anew: " + why);
    }
}
