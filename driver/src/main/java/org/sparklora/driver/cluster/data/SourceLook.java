package org.sparklora.driver.cluster.data;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.StructType;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.driver.job.config.Task;

/**
 * What labelled rows seem to be, for a job that does not say it.
 *
 * @param texts the column of the text, or the two of a pair
 * @param reason why it is this task, for the user
 */
public record SourceLook(List<String> texts, String label, Task task, String reason) {

    /** More distinct numbers than this are a quantity and not classes. */
    static final int MAX_NUMBERED_CLASSES = 20;

    /** Names that such columns have in published datasets, the most usual first. */
    private static final List<List<String>> LABELS =
            words("label", "labels", "class", "category", "target", "sentiment", "intent", "score", "tags", "ner_tags");

    /** The same of a text, or of two. */
    private static final List<List<String>> TEXTS = words(
            "text text_pair",
            "text",
            "sentence1 sentence2",
            "premise hypothesis",
            "question1 question2",
            "question sentence",
            "sentence",
            "review",
            "content",
            "tokens",
            "words");

    private static List<List<String>> words(String... lists) {
        return Stream.of(lists).map(list -> List.of(list.split(" "))).toList();
    }

    /** What the user says, and need not. */
    public record Given(Optional<String> text, Optional<String> label, Optional<Task> task) {}

    /** Refuses a path without data files. Needs no Spark session. */
    public static void requireFiles(String path, String option, Configuration hadoop) {
        SourceReader.requireFiles(source(path, "text", "label"), hadoop, option);
    }

    /** Looks at the columns of files, and at all labels. */
    public static SourceLook at(SparkSession spark, String path, Given given) {
        StructType all = new SourceScan(spark, source(path, "text", "label")).infer();
        List<String> names = Stream.of(all.fieldNames())
                .filter(name -> !name.equals(SourceFormat.MALFORMED))
                .toList();
        String label = given.label()
                .orElseGet(() -> pick(path, names, LABELS, "--label").get(0));
        List<String> others = names.stream().filter(name -> !name.equals(label)).toList();
        List<String> texts = given.text().map(List::of).orElseGet(() -> pick(path, others, TEXTS, "--text"));
        if (given.task().isPresent()) {
            return new SourceLook(texts, label, given.task().get(), "as --task says");
        }
        if (isList(all, label)) {
            return isList(all, texts.get(0))
                    ? new SourceLook(texts, label, Task.TOKEN_CLASSIFICATION, "rows hold lists of words and of tags")
                    : new SourceLook(texts, label, Task.MULTI_LABEL, "rows hold lists of labels");
        }
        List<String> labels =
                ClassLabels.distinct(SourceReader.read(spark, source(path, texts.get(0), label), Task.CLASSIFICATION)
                        .select(SourceReader.LABEL));
        if (labels.stream().anyMatch(text -> text.contains("|"))) {
            return new SourceLook(texts, label, Task.MULTI_LABEL, "labels are separated by |");
        }
        if (labels.isEmpty() || !labels.stream().allMatch(Decimals::isFinite)) {
            return new SourceLook(texts, label, Task.CLASSIFICATION, "labels are texts");
        }
        List<Double> numbers = labels.stream().map(Decimals::parse).distinct().toList();
        boolean classes = numbers.size() <= MAX_NUMBERED_CLASSES
                && numbers.stream().allMatch(number -> number == StrictMath.rint(number));
        return classes
                ? new SourceLook(
                        texts,
                        label,
                        Task.CLASSIFICATION,
                        "labels are " + numbers.size()
                                + " whole numbers, so each is a class; --task regression takes them as numbers")
                : new SourceLook(texts, label, Task.REGRESSION, "labels are numbers");
    }

    private static SourceConfig source(String path, String text, String label) {
        return new SourceConfig(
                path, Optional.empty(), text, Optional.empty(), label, Optional.empty(), new TreeMap<>());
    }

    private static boolean isList(StructType all, String column) {
        return Stream.of(all.fields()).anyMatch(f -> f.name().equals(column) && f.dataType() instanceof ArrayType);
    }

    /** The first usual names that are there, or the only column. */
    private static List<String> pick(String path, List<String> names, List<List<String>> usual, String option) {
        Optional<List<String>> found = Stream.concat(
                        usual.stream(), names.size() == 1 ? Stream.of(names) : Stream.empty())
                .filter(names::containsAll)
                .findFirst();
        return found.orElseThrow(() -> new DataException(
                "data.column.missing",
                "'" + path + "' has no column "
                        + DidYouMean.list(usual.stream()
                                .flatMap(Collection::stream)
                                .distinct()
                                .toList())
                        + "; name the right one with " + option + ". Its columns are " + DidYouMean.list(names)));
    }
}
