package org.sparklora.driver.cluster.data;

import java.util.List;
import java.util.Map;
import org.sparklora.driver.job.config.Task;
import org.sparklora.worker.contract.ShardPlan;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TextTokenizer;

/**
 * The labelled rows of one key, in the memory of a task. Its shards are those that {@link TrainingData} and {@link Shards} make
 * of a table with these rows alone.
 */
public final class KeyRows {

    private final String key;
    private final List<InputRow> training;
    private final List<InputRow> validation;

    KeyRows(String key, List<InputRow> training, List<InputRow> validation) {
        this.key = key;
        this.training = training;
        this.validation = validation;
    }

    /** Rows in shards. */
    public record Dealt(ShardPlan plan, List<Shard> shards) {}

    /** The key's text. */
    public String key() {
        return key;
    }

    /** Whether there are validation rows. */
    public boolean validates() {
        return !validation.isEmpty();
    }

    /** The labels of the training rows, as {@link ClassLabels#learn} finds them. */
    public List<String> labels(Task task, String source) {
        return ClassLabels.learn(task, training, source);
    }

    /** These rows with a part of those for training held out, as {@link Split} does. */
    public KeyRows split(double fraction, long seed) {
        Map<Boolean, List<InputRow>> parts = Split.byTraining(training, fraction, seed);
        return new KeyRows(key, parts.getOrDefault(true, List.of()), parts.getOrDefault(false, List.of()));
    }

    /**
     * Checks and tokenizes the training rows and divides them into shards.
     *
     * @throws DataException for the first row, by file and row, that cannot be used
     */
    public Dealt training(LabelCodec labels, TextTokenizer tokenizer, ShardLayout layout) {
        RowCoder coder = new RowCoder(labels);
        ShardPlan plan = layout.plan(coder.check(training, "train on"));
        return new Dealt(
                plan,
                Shards.dealt(TrainingData.inOrder(training, coder, tokenizer, layout), KeyPartitioner.training(plan)));
    }

    /** Checks and tokenizes the validation rows, of which there is at least one, and cuts them into slices. */
    public Dealt validation(LabelCodec labels, TextTokenizer tokenizer, int shards) {
        RowCoder coder = new RowCoder(labels);
        ShardPlan plan = new ShardPlan(shards, shards, coder.check(validation, "evaluate"), true);
        return new Dealt(plan, Shards.dealt(Shards.inOrder(validation, coder, tokenizer), KeyPartitioner.slices(plan)));
    }
}
