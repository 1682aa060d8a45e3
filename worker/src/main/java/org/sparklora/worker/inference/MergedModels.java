package org.sparklora.worker.inference;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The merged models of this JVM: one for each adapter, however many tasks use it. A few stay when nobody uses them, because
 * tasks come and go; the one that was used longest ago is closed first.
 */
final class MergedModels {

    private static final int KEPT_IDLE = 4;

    /** In the order of last use. */
    private static final Map<String, Entry> MODELS = new LinkedHashMap<>(16, 0.75f, true);

    private MergedModels() {}

    private static final class Entry {
        final MergedModel model;
        int users;

        Entry(MergedModel model) {
            this.model = model;
        }
    }

    /** The model, which stays until {@link #release}. */
    static synchronized MergedModel acquire(String key, TrainedModel trained) {
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
        List<Entry> idle = new ArrayList<>();
        MODELS.values().stream().filter(e -> e.users == 0).forEach(idle::add);
        Iterator<Entry> oldest = idle.iterator();
        for (int surplus = idle.size() - KEPT_IDLE; surplus > 0; surplus--) {
            Entry gone = oldest.next();
            MODELS.values().remove(gone);
            gone.model.close();
        }
    }

    /** Models there are. */
    static synchronized int size() {
        return MODELS.size();
    }
}
