package org.sparklora.driver.cluster.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.data.Encoded;

/** Encodes a label as its index in a list of classes. Labels are compared exactly, including white space and case. */
public final class ClassLabels implements LabelCodec {

    /** With more distinct labels than this, the label column most likely does not hold classes. */
    static final int MAX_CLASSES = 10_000;

    private static final long serialVersionUID = 1L;

    /** A whole number, also as a fraction. */
    private static final Pattern WHOLE = Pattern.compile("-?\\d+(\\.0)?");

    private final ArrayList<String> names;
    private final HashMap<String, Integer> indices = new HashMap<>();

    private ClassLabels(List<String> names, int min) {
        if (names.size() < min) {
            throw new DataException(
                    "data.labels.count",
                    "model.labels has " + names.size() + " label(s), but this task needs at least " + min);
        }
        this.names = new ArrayList<>(names);
        for (String name : names) {
            if (indices.put(name, indices.size()) != null) {
                throw new DataException(
                        "data.labels.duplicate", "model.labels names '" + name + "' twice; name each label once");
            }
        }
    }

    /** Creates a codec for at least two labels, in the order of the head's outputs. */
    public static ClassLabels of(List<String> names) {
        return new ClassLabels(names, 2);
    }

    /** Creates a codec for at least one label, for rows that may have several labels or none. */
    static ClassLabels ofSets(List<String> names) {
        return new ClassLabels(names, 1);
    }

    /**
     * Collects the distinct labels of training data, sorted as text: "10" comes before "2".
     *
     * @param source where the rows come from, for messages
     * @return the labels; none for regression
     */
    public static List<String> learn(Task task, Dataset<Row> rows, String source) {
        if (task == Task.REGRESSION) {
            return List.of();
        }
        return checked(
                task, distinct(task == Task.CLASSIFICATION ? rows.select(SourceReader.LABEL) : elements(rows)), source);
    }

    /** The same for rows in memory. */
    static List<String> learn(Task task, List<InputRow> rows, String source) {
        if (task == Task.REGRESSION) {
            return List.of();
        }
        List<String> found = rows.stream()
                .map(row -> row.content().label())
                .filter(Objects::nonNull)
                .flatMap(label -> task == Task.CLASSIFICATION ? Stream.of(label) : TextLists.parse(label).stream())
                .filter(label -> label != null && !label.isEmpty())
                .distinct()
                .sorted()
                .toList();
        return checked(task, found, source);
    }

    private static List<String> checked(Task task, List<String> found, String source) {
        if (found.size() > MAX_CLASSES) {
            throw new DataException(
                    "data.labels.count",
                    "'" + source + "' has more than " + MAX_CLASSES + " distinct labels; name another label column"
                            + (task == Task.CLASSIFICATION ? ", or set model.task to regression" : ""));
        }
        if (task == Task.TOKEN_CLASSIFICATION && found.stream().allMatch(tag -> tag.matches("\\d+"))) {
            throw new DataException(
                    "data.tags.numbers",
                    "'" + source + "' has numbers as tags: " + DidYouMean.list(found)
                            + "; entities are found by the names of tags, such as B-PER, so write the names (a feature of"
                            + " Hugging Face datasets knows them: int2str)");
        }
        int min = task == Task.MULTI_LABEL ? 1 : 2;
        if (found.size() < min) {
            throw new DataException(
                    "data.labels.count",
                    "'" + source + "' has " + (found.isEmpty() ? "no label" : "only the label '" + found.get(0) + "'")
                            + ", but this task needs at least " + min
                            + "; check data.train.label, or set model.labels");
        }
        return found;
    }

    /** Returns the labels of rows that hold lists of labels, one a row. */
    private static Dataset<Row> elements(Dataset<Row> rows) {
        Column list =
                functions.from_json(functions.col(SourceReader.LABEL), DataTypes.createArrayType(DataTypes.StringType));
        return rows.select(functions.explode(list).as(SourceReader.LABEL));
    }

    /** Returns the distinct labels, sorted. One more than allowed is enough to tell that there are too many. */
    static List<String> distinct(Dataset<Row> labels) {
        List<String> found = new ArrayList<>();
        labels.where("label is not null and label != ''")
                .distinct()
                .limit(MAX_CLASSES + 1)
                .collectAsList()
                .forEach(row -> found.add(row.getString(0)));
        found.sort(null);
        return found;
    }

    /** Number of classes. */
    int size() {
        return names.size();
    }

    @Override
    public Optional<Problem> problem(String text, String label) {
        return problem(label);
    }

    /** Returns the problem of a label, if it has one. */
    Optional<Problem> problem(String label) {
        return index(label) != null
                ? Optional.empty()
                : Optional.of(new Problem(
                        "data.label.unseen",
                        "label '" + label + "' is unknown" + DidYouMean.hint(label, names) + " The labels are "
                                + DidYouMean.list(names) + "; correct the row, or add the label to model.labels"));
    }

    @Override
    public float[] values(Encoded tokens, String label) {
        return new float[] {encode(label)};
    }

    /** The index of a label. 1.0 is 1: a column of whole numbers becomes one of fractions as soon as a value is missing. */
    private @Nullable Integer index(String label) {
        Integer index = indices.get(label);
        if (index != null || !WHOLE.matcher(label).matches()) {
            return index;
        }
        return indices.get(label.endsWith(".0") ? label.substring(0, label.length() - 2) : label + ".0");
    }

    /** Returns the index of a label, from 0. The label must be known. */
    float encode(String label) {
        Integer index = index(label);
        if (index == null) {
            throw new IllegalArgumentException("label '" + label + "' is unknown");
        }
        return index;
    }
}
