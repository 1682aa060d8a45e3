package org.sparklora.worker.inference;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.data.TokenizerSpec;
import org.sparklora.worker.encoder.BaseModel;
import org.sparklora.worker.encoder.HeadInput;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.machine.Machine;

/**
 * Everything that a JVM needs to predict, except the base model's files.
 *
 * @param base the base model's location
 * @param head the task
 * @param adapter the trained groups with their values
 * @param text how texts become tokens
 */
public record TrainedModel(Base base, TaskHead head, Adapter adapter, Text text) implements Serializable {

    /**
     * A base model.
     *
     * @param source its location on every host
     * @param sha256 SHA-256 of its weights
     * @param arithmetic how it computes
     */
    public record Base(ModelSource source, String sha256, Arithmetic arithmetic) implements Serializable {

        /** The same in a directory of this host. */
        public Base in(String directory) {
            return new Base(ModelSource.everywhere(directory), sha256, arithmetic);
        }

        /** The model on this host, for heads that read this part of the last layer. */
        BaseModel open(HeadInput headInput) {
            Torch.prepareThread();
            Machine.require(arithmetic);
            return BaseModel.shared(Path.of(source.location()), sha256, headInput, arithmetic);
        }
    }

    /**
     * How texts become tokens.
     *
     * @param maxLength maximum tokens of a text or pair, including special tokens
     */
    public record Text(TokenizerSpec tokenizer, int maxLength) implements Serializable {}

    /**
     * Trained groups.
     *
     * @param manifest all groups, the head included
     * @param values of every tensor whose group has ever trained
     * @param sha256 SHA-256 of both, because equal values with another alpha are another adapter. The driver computes it once
     *     for all tasks
     */
    public record Adapter(LoraManifest manifest, AdapterSnapshot values, String sha256) implements Serializable {

        /** Every group with values is frozen, so nothing drops out. The others are uninitialized. */
        FreezeState atRest() {
            Map<String, GroupState> states = new TreeMap<>();
            for (String group : manifest.names()) {
                boolean initialized = manifest.tensors(group).stream().allMatch(t -> values.contains(t.name()));
                states.put(group, initialized ? GroupState.FROZEN : GroupState.DORMANT);
            }
            return FreezeState.of(states);
        }
    }

    /** The same model, with its base model in a directory of this host. */
    public TrainedModel withBaseIn(String directory) {
        return new TrainedModel(base.in(directory), head, adapter, text);
    }

    /** Identifies what the results depend on besides the texts: models with equal keys compute the same. */
    String key() {
        return base.source().location() + " " + base.sha256() + " " + adapter.sha256() + " " + head.headInput() + " "
                + base.arithmetic();
    }
}
