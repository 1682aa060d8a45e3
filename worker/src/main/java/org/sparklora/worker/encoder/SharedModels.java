package org.sparklora.worker.encoder;

import java.lang.ref.Cleaner;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.sparklora.worker.contract.Arithmetic;
import org.sparklora.worker.contract.Sha256;

/**
 * The base models of this JVM: weights are large and tasks are short. A model is known by the digests of its files, so a
 * directory whose files were replaced is another model. The last few models stay open; an older one, and one whose files have
 * changed, is closed when nothing refers to it any more.
 */
final class SharedModels {

    private static final int MAX_IDLE = 2;

    /** All models that something may still refer to. */
    private static final Map<Key, WeakReference<BaseModel>> MODELS = new HashMap<>();

    /** Those that stay open without a user, in the order of their last use. */
    private static final Map<Key, BaseModel> RECENT = new LinkedHashMap<>(16, 0.75f, true);

    /** Digests of weights by directory. */
    private static final Map<Path, Known> DIGESTS = new ConcurrentHashMap<>();

    /** Closes the arrays of models: the engine's memory is not Java's, and a lost reference alone would free none of it. */
    private static final Cleaner CLEANER = Cleaner.create();

    private record Key(String weights, String config, HeadInput headInput, Arithmetic arithmetic) {}

    private record Known(List<FileStamp> stamps, String sha256) {}

    private SharedModels() {}

    /** The digest of a directory's weights, which are read again only if their files have changed. */
    static String sha256(Path directory) {
        Path absolute = directory.toAbsolutePath().normalize();
        List<FileStamp> stamps = FileStamp.of(EncoderWeights.weightFiles(directory));
        Known known = DIGESTS.get(absolute);
        if (known != null && known.stamps().equals(stamps)) {
            return known.sha256();
        }
        String sha256 = EncoderWeights.sha256(directory);
        requireSame(directory, stamps);
        if (stamps.stream().noneMatch(FileStamp::isYoung)) {
            DIGESTS.put(absolute, new Known(stamps, sha256));
        }
        return sha256;
    }

    /**
     * The model of a directory.
     *
     * @param sha256 digest of the weights that the run trains on
     */
    static synchronized BaseModel get(Path directory, String sha256, HeadInput headInput, Arithmetic arithmetic) {
        List<FileStamp> stamps = FileStamp.of(EncoderWeights.files(directory));
        String found = sha256(directory);
        if (!found.equals(sha256)) {
            throw changed(directory, "its weights have sha256 " + found + ", but the run began with " + sha256);
        }
        String config = Sha256.hex(
                EncoderConfig.object(directory.resolve("config.json")).toString());
        Key key = new Key(found, config, headInput, arithmetic);
        MODELS.values().removeIf(reference -> reference.get() == null);
        boolean freed = RECENT.values().removeIf(recent -> !recent.isCurrent());
        WeakReference<BaseModel> known = MODELS.get(key);
        BaseModel model = known == null ? null : known.get();
        if (model == null || !model.isCurrent()) {
            makeRoom(freed);
            model = BaseModel.open(directory, headInput, arithmetic);
            requireSame(directory, stamps);
            CLEANER.register(model, model.arrays());
            MODELS.put(key, new WeakReference<>(model));
        }
        RECENT.put(key, model);
        return model;
    }

    /** Lets go of the oldest of too many models, before another one takes memory. */
    private static void makeRoom(boolean freed) {
        boolean collect = freed;
        while (RECENT.size() >= MAX_IDLE) {
            RECENT.remove(RECENT.keySet().iterator().next());
            collect = true;
        }
        if (collect) {
            // Java knows nothing of the arrays' memory, and would not look for lost models soon.
            System.gc();
        }
    }

    private static void requireSame(Path directory, List<FileStamp> stamps) {
        if (!stamps.stream().allMatch(FileStamp::isCurrent)) {
            throw changed(directory, "its files changed while they were read");
        }
    }

    static ModelException changed(Path directory, String how) {
        return new ModelException(
                "model.changed",
                "the base model in " + directory + " has changed: " + how
                        + "; restore it, or start a new run, and write new weights to another directory");
    }

    /** Number of models that stay open without a user. */
    static synchronized int idle() {
        return RECENT.size();
    }
}
