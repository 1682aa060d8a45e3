package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.config.ActivationCache;
import org.sparklora.driver.run.loop.ClusterException;
import org.sparklora.worker.spark.CacheStorage;

class StorageBudgetTest {

    @Test
    void aSessionThatEncryptsItsDisksGetsNoPlainFiles() {
        assertThat(StorageBudget.choose(ActivationCache.DISK, 1, 1000, true)).isEqualTo(CacheStorage.MEMORY);
        assertThat(StorageBudget.choose(ActivationCache.AUTO, 501, 1000, true)).isEqualTo(CacheStorage.MEMORY);
    }

    @Test
    void halfOfTheStorageMemoryMayBeFilled() {
        assertThat(StorageBudget.choose(ActivationCache.AUTO, 500, 1000, false)).isEqualTo(CacheStorage.MEMORY);
        assertThat(StorageBudget.choose(ActivationCache.AUTO, 501, 1000, false)).isEqualTo(CacheStorage.DISK);
        // Executors that come when there is work, as under dynamic allocation.
        assertThat(StorageBudget.choose(ActivationCache.AUTO, 1, 0, false)).isEqualTo(CacheStorage.DISK);
    }

    @Test
    void aWishIsFollowed() {
        assertThat(StorageBudget.choose(ActivationCache.DISK, 1, 1000, false)).isEqualTo(CacheStorage.DISK);
        assertThat(StorageBudget.choose(ActivationCache.MEMORY, 500, 1000, false))
                .isEqualTo(CacheStorage.MEMORY);
    }

    @Test
    void memoryThatDoesNotSufficeIsSaidWithWhatHelps() {
        assertThatThrownBy(() -> StorageBudget.choose(ActivationCache.MEMORY, 2_800_000_000L, 912_000_000L, false))
                .isInstanceOf(ClusterException.class)
                .hasMessageContainingAll("execution.activation_cache=memory", "2.8 GB", "456.0 MB", "[cluster.memory]");
    }
}
