package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.data.Shard;
import org.sparklora.worker.data.TrunkActivations;

/** A shard, with what enters the lowest live stage for its rows where that is kept. Immutable. */
public final class CachedShard implements Serializable {

    private static final long serialVersionUID = 1L;

    private final Shard rows;
    private final @Nullable CachedActivations kept;

    CachedShard(Shard rows, @Nullable CachedActivations kept) {
        this.rows = rows;
        this.kept = kept;
    }

    /** A shard of which nothing is kept. */
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

    /** What is kept of the rows at some positions. */
    Optional<TrunkActivations> at(int[] positions) {
        return kept == null ? Optional.empty() : Optional.of(kept.at(positions));
    }
}
