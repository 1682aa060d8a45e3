package org.sparklora.worker.inference;

import java.io.Serializable;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.head.TaskHead;

/**
 * Everything a JVM needs to predict, given the base model.
 *
 * @param base where the base model lies
 * @param head what turns hidden states into logits
 * @param adapter the trained groups with their values
 * @param text how texts become tokens
 */
public record TrainedModel(Base base, TaskHead head, Adapter adapter, Text text) implements Serializable {

    /**
     * A base model.
     *
     * @param source where hosts find it
     * @param sha256 of its weights
     */
    public record Base(ModelSource source, String sha256) implements Serializable {}

    /**
     * How texts become tokens.
     *
     * @param maxLength most tokens of a text or pair, special tokens included
     */
    public record Text(TokenizerSpec tokenizer, int maxLength) implements Serializable {}

    /**
     * Trained groups.
     *
     * @param manifest all groups, the head included
     * @param values of every tensor whose group has ever trained
     * @param sha256 of both: equal values under another alpha are another adapter. Computed where the model is made, as every
     *     task asks for it
     */
    public record Adapter(LoraManifest manifest, AdapterSnapshot values, String sha256) implements Serializable {

        /** Every group that has values, at rest: it counts and nothing drops out. The others are dormant. */
        FreezeState atRest() {
            Map<String, GroupState> states = new TreeMap<>();
            for (String group : manifest.names()) {
                boolean there = manifest.tensors(group).stream().allMatch(t -> values.contains(t.name()));
                states.put(group, there ? GroupState.FROZEN : GroupState.DORMANT);
            }
            return FreezeState.of(states);
        }
    }

    /** The same, its base model in a directory of this host. */
    public TrainedModel withBaseIn(String directory) {
        return new TrainedModel(new Base(ModelSource.everywhere(directory), base.sha256()), head, adapter, text);
    }

    /** Names what its results come from, texts aside: models of the same key compute the same. */
    String key() {
        return base.source().location() + " " + base.sha256() + " " + adapter.sha256() + " " + head.reading();
    }
}
