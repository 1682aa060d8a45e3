package org.sparklora.driver.job.config;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import org.sparklora.worker.contract.Kernel;
import org.sparklora.worker.contract.Precision;
import org.sparklora.worker.contract.StoredType;

/**
 * How the job runs.
 *
 * @param kernel empty: the faster one of this machine, or the one that a resumed run began with
 * @param precision empty: float32, or the one that a resumed run began with
 * @param checkpointEvery steps between checkpoints within an epoch; empty: at an epoch's end only
 * @param maxFailures failures in a row, without progress, that a run survives
 * @param executorTimeout how long to wait for executors when too few are there
 * @param minExecutors how many are enough; empty: for half of the ranks of the last job
 */
public record ExecutionConfig(
        Exchange exchange,
        Optional<Kernel> kernel,
        Optional<Precision> precision,
        ComputeDevice device,
        ActivationCache activationCache,
        StoredType activationCacheType,
        DropoutSetting baseDropout,
        DropoutSetting headDropout,
        OptionalInt checkpointEvery,
        int maxFailures,
        Duration executorTimeout,
        OptionalInt minExecutors) {}
