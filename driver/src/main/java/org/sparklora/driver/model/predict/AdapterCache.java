package org.sparklora.driver.model.predict;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.sparklora.worker.contract.AdapterSnapshot;
import org.sparklora.worker.inference.RoutedAdapter;

/**
 * Adapters of keys in the memory of this JVM, up to a number of bytes; the least recently used one goes first. Safe from any thread;
 * two threads that miss the same adapter at once both read it.
 */
final class AdapterCache {

    /** About 4,000 adapters of rank 8 on query and value of one layer with 384 dimensions. */
    static final long MAX_BYTES = 256L << 20;

    private final long maxBytes;

    /** In the order of their last use. */
    private final Map<String, RoutedAdapter> adapters = new LinkedHashMap<>(16, 0.75f, true);

    private long bytes;

    AdapterCache(long maxBytes) {
        this.maxBytes = maxBytes;
    }

    RoutedAdapter get(String key, Supplier<RoutedAdapter> read) {
        synchronized (this) {
            RoutedAdapter there = adapters.get(key);
            if (there != null) {
                return there;
            }
        }
        RoutedAdapter adapter = read.get();
        put(key, adapter);
        return adapter;
    }

    private synchronized void put(String key, RoutedAdapter adapter) {
        if (adapters.put(key, adapter) == null) {
            bytes += bytes(adapter);
        }
        Iterator<RoutedAdapter> oldest = adapters.values().iterator();
        while (bytes > maxBytes && oldest.hasNext()) {
            bytes -= bytes(oldest.next());
            oldest.remove();
        }
    }

    /** Bytes of the adapters that are kept. */
    synchronized long bytes() {
        return bytes;
    }

    private static long bytes(RoutedAdapter adapter) {
        AdapterSnapshot values = adapter.model().adapter().values();
        return values.names().stream()
                .mapToLong(name -> (long) Float.BYTES * values.view(name).length)
                .sum();
    }
}
