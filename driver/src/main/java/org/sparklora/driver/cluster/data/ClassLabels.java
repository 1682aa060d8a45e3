package org.sparklora.driver.cluster.data;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.sparklora.worker.data.Encoded;

/** The classes: a label's index is its place in the list. Compared exactly, white space and case included. */
public final class ClassLabels implements LabelCodec {

    /** Beyond this the label column is hardly one of classes. */
    static final int MOST_CLASSES = 10_000;

    private static final long serialVersionUID = 1L;

    private final ArrayList<String> names;
    private final HashMap<String, Integer> indices = new HashMap<>();

    private ClassLabels(List<String> names) {
        this.names = new ArrayList<>(names);
        for (String name : names) {
            if (indices.put(name, indices.size()) != null) {
                throw new DataException("model.labels names '" + name + "' twice; name each label once");
            }
        }
    }

    /** Labels in a given order; at least two. */
    public static ClassLabels of(List<String> names) {
        if (names.size() < 2) {
            throw new DataException("model.labels has " + names.size() + " label(s); a classifier needs at least two");
        }
        return new ClassLabels(names);
    }

    /** Labels that do not exclude each other, in a given order; at least one. */
    static ClassLabels ofSets(List<String> names) {
        if (names.isEmpty()) {
            throw new DataException("model.labels is empty; name at least one label");
        }
        return new ClassLabels(names);
    }

    /**
     * The distinct labels of training data in the order of their text, so "10" comes before "2".
     *
     * @param source where the rows come from, for messages
     */
    public static ClassLabels learn(Dataset<Row> rows, String source) {
        List<String> found = distinct(rows.select(SourceReader.LABEL));
        if (found.size() > MOST_CLASSES) {
            throw new DataException("'" + source + "' has more than " + MOST_CLASSES
                    + " distinct labels; set model.task to regression, or name another label column");
        }
        if (found.size() < 2) {
            throw new DataException("'" + source + "' has "
                    + (found.isEmpty() ? "no label" : "one label only, '" + found.get(0) + "'")
                    + "; a classifier needs at least two: check data.train.label, or set model.labels");
        }
        return new ClassLabels(found);
    }

    /**
     * The same where each row has a list of labels.
     *
     * @param least labels there must be
     */
    public static ClassLabels learnFromLists(Dataset<Row> rows, String source, int least) {
        Column list =
                functions.from_json(functions.col(SourceReader.LABEL), DataTypes.createArrayType(DataTypes.StringType));
        List<String> found = distinct(rows.select(functions.explode(list).as(SourceReader.LABEL)));
        if (found.size() > MOST_CLASSES) {
            throw new DataException(
                    "'" + source + "' has more than " + MOST_CLASSES + " distinct labels; name another label column");
        }
        if (found.size() < least) {
            throw new DataException("'" + source + "' has "
                    + (found.isEmpty() ? "no label" : "one label only, '" + found.get(0) + "'")
                    + "; check data.train.label, or set model.labels");
        }
        return new ClassLabels(found);
    }

    /** At most one more than there may be, sorted. */
    private static List<String> distinct(Dataset<Row> labels) {
        List<String> found = new ArrayList<>();
        labels.where("label is not null and label != ''")
                .distinct()
                .limit(MOST_CLASSES + 1)
                .toLocalIterator()
                .forEachRemaining(row -> found.add(row.getString(0)));
        found.sort(null);
        return found;
    }

    /** The labels by index. */
    public List<String> names() {
        return List.copyOf(names);
    }

    /** Number of classes. */
    public int size() {
        return names.size();
    }

    @Override
    public Optional<String> problem(String text, String label) {
        return problem(label);
    }

    /** What is wrong with a label and what to do, or nothing. */
    public Optional<String> problem(String label) {
        return indices.containsKey(label)
                ? Optional.empty()
                : Optional.of("label '" + label + "' is unknown" + DidYouMean.hint(label, names) + " The labels are "
                        + DidYouMean.list(names) + "; correct the row, or add the label to model.labels");
    }

    @Override
    public float[] values(Encoded tokens, String label) {
        return new float[] {encode(label)};
    }

    /** A label's index, from 0; it must have no problem. */
    public float encode(String label) {
        Integer index = indices.get(label);
        if (index == null) {
            throw new IllegalArgumentException(problem(label).orElse(label));
        }
        return index;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof ClassLabels other && names.equals(other.names);
    }

    @Override
    public int hashCode() {
        return names.hashCode();
    }

    @Override
    public String toString() {
        return "Labels" + names;
    }
}
