package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TrunkActivations;

/** A shard, with the trunk activations of its rows if they are cached. Immutable. */
public final class CachedShard implements Serializable {

    private static final long serialVersionUID = 1L;

    private final Shard rows;
    private final @Nullable CachedActivations cached;

    CachedShard(Shard rows, @Nullable CachedActivations cached) {
        this.rows = rows;
        this.cached = cached;
    }

    /** A shard without cached activations. */
    public static CachedShard of(Shard rows) {
        return new CachedShard(rows, null);
    }

    /** The rows. */
    public Shard rows() {
        return rows;
    }

    /** Which of the S shards this is, from 0. */
    public int index() {
        return rows.index();
    }

    /** Returns the cached activations of the rows at some positions. */
    Optional<TrunkActivations> at(int[] positions) {
        return cached == null ? Optional.empty() : Optional.of(cached.at(positions));
    }
}
