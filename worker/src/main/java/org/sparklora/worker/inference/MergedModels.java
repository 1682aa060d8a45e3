package org.sparklora.worker.inference;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The merged models of this JVM: one per adapter, shared by all tasks. A few idle models stay open for the next task; the
 * least recently used one is closed first.
 */
final class MergedModels {

    private static final int MAX_IDLE = 4;

    /** In the order of their last use. */
    private static final Map<String, Entry> MODELS = new LinkedHashMap<>(16, 0.75f, true);

    private MergedModels() {}

    private static final class Entry {
        final MergedModel model;
        int users;

        Entry(MergedModel model) {
            this.model = model;
        }
    }

    /** The model, which stays open until {@link #release}. */
    static synchronized MergedModel acquire(String key, TrainedModel trained) {
        Entry idle = MODELS.get(key);
        if (idle != null && idle.users == 0 && !idle.model.isCurrent()) {
            MODELS.remove(key);
            idle.model.close();
        }
        Entry entry = MODELS.computeIfAbsent(key, k -> new Entry(MergedModel.of(trained)));
        entry.users++;
        return entry.model;
    }

    static synchronized void release(String key) {
        Entry entry = MODELS.get(key);
        if (entry == null || entry.users == 0) {
            throw new IllegalStateException("a merged model is released more often than it was acquired");
        }
        entry.users--;
        List<Entry> idle = MODELS.values().stream().filter(e -> e.users == 0).toList();
        for (Entry oldest : idle.subList(0, Math.max(0, idle.size() - MAX_IDLE))) {
            MODELS.values().remove(oldest);
            oldest.model.close();
        }
    }

    /** Number of open models. */
    static synchronized int size() {
        return MODELS.size();
    }
}
