package org.sparklora.driver.model.predict;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.job.manifest.ManifestDigest;
import org.sparklora.driver.model.keyed.AdapterIndex;
import org.sparklora.driver.model.keyed.AdapterPack;
import org.sparklora.driver.model.keyed.KeyEntry.Packed;
import org.sparklora.driver.model.keyed.KeyedAdapter;
import org.sparklora.worker.contract.LoraManifest;
import org.sparklora.worker.head.TaskHead;
import org.sparklora.worker.inference.RoutedAdapter;
import org.sparklora.worker.inference.RoutedScorer;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.HostModels;

/**
 * The adapters of a run that has one for each key, in the form in which executors predict with them. Only the index is sent to
 * executors: a task reads the adapters of the keys that it meets from the run's packed files. A bounded cache of this JVM keeps
 * those that were used last.
 *
 * <p>The outputs of all adapters are the labels of all keys together. An adapter has the outputs of its own labels.
 */
public final class KeyedAdapters implements Serializable {

    private static final long serialVersionUID = 1L;

    private static final AdapterCache CACHE = new AdapterCache(AdapterCache.MAX_BYTES);

    private final String location;
    private final byte[] index;
    private final TrainedModel.Base base;
    private final TrainedModel.Text text;
    private final TaskHead head;
    private final List<String> labels;

    /** Read from the bytes once in each JVM. */
    private transient @Nullable AdapterIndex parsed;

    /**
     * The adapters of a run directory.
     *
     * @param head the task with an output for each label
     * @param labels those of all keys; empty for regression
     */
    public KeyedAdapters(
            AdapterPack pack, TrainedModel.Base base, TrainedModel.Text text, TaskHead head, List<String> labels) {
        this.location = pack.directory().location();
        this.index = pack.index().toJson();
        this.base = base;
        this.text = text;
        this.head = head;
        this.labels = List.copyOf(labels);
    }

    private synchronized AdapterIndex index() {
        if (parsed == null) {
            parsed = AdapterIndex.parse(location + "/" + AdapterIndex.FILE, index);
        }
        return parsed;
    }

    /** The task with an output for each label. */
    public TaskHead head() {
        return head;
    }

    /** How texts become tokens. */
    public TrainedModel.Text text() {
        return text;
    }

    /** The labels of all keys; empty for regression. */
    public List<String> labels() {
        return labels;
    }

    /** A scorer on this executor. */
    public RoutedScorer open() {
        return RoutedScorer.open(here(), text, head.headInput(), head.outputs());
    }

    private TrainedModel.Base here() {
        return base.in(HostModels.directory(base.source()).toString());
    }

    /** Whether a key has an adapter of its own. */
    public boolean has(String key) {
        return Optional.ofNullable(index().keys().get(key))
                .flatMap(entry -> entry.adapter())
                .isPresent();
    }

    /** The adapter of a key, or else the fallback, if the run has one. */
    public Optional<RoutedAdapter> adapter(String key) {
        return index().adapter(key).map(packed -> CACHE.get(location + " " + packed.sha256(), () -> read(packed)));
    }

    private RoutedAdapter read(Packed packed) {
        KeyedAdapter adapter;
        try {
            adapter = new AdapterPack(Locations.directory(location), index()).read(packed);
        } catch (IOException e) {
            throw new UncheckedIOException("an adapter in " + location + " cannot be read", e);
        }
        LoraManifest groups = adapter.manifest().manifest();
        List<Integer> classes = labels.isEmpty()
                ? IntStream.range(0, head.outputs()).boxed().toList()
                : adapter.labels().stream().map(labels::indexOf).toList();
        return new RoutedAdapter(
                new TrainedModel(
                        here(),
                        head.withOutputs(classes.size()),
                        new TrainedModel.Adapter(
                                groups, adapter.values(), ManifestDigest.sha256(groups) + " " + packed.sha256()),
                        text),
                classes);
    }
}
