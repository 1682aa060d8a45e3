package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TrunkActivations;

/** A shard, with the trunk activations of its rows if they are cached. */
public record CachedShard(Shard rows, @Nullable CachedActivations cached) implements Serializable {

    /** A shard without cached activations. */
    public static CachedShard of(Shard rows) {
        return new CachedShard(rows, null);
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
