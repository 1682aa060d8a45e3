package org.sparklora.driver.training;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.sparklora.driver.job.config.JobChanges;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.run.checkpoint.Checkpoint;
import org.sparklora.driver.run.checkpoint.CheckpointException;
import org.sparklora.driver.run.checkpoint.CheckpointStore;
import org.sparklora.driver.run.history.RunDirectory;
import org.sparklora.driver.run.history.RunHistory;
import org.sparklora.driver.run.history.RunStatus;
import org.sparklora.driver.run.loop.StoppingCriteria;
import org.sparklora.worker.contract.FreezeState;
import org.sparklora.worker.contract.GroupState;
import org.sparklora.worker.contract.LoraGroup;
import org.sparklora.worker.contract.LoraManifest;

/**
 * What {@code --resume} found in a run directory, checked against the job. Nothing in the directory is changed before
 * the run goes on, save that checkpoints which cannot be used are written into the status of a run that was not finished.
 *
 * @param checkpoint where the run goes on; empty when it had not come to its first
 * @param status as the run left it
 */
public record Resumption(RunDirectory directory, Optional<Checkpoint> checkpoint, Optional<RunStatus> status) {

    private static final String CONFIG = "config.yaml";

    /**
     * Looks for a run.
     *
     * @return empty when there is none, so that this one starts afresh
     * @throws UsageException naming everything in which the job differs from the run's and must not
     * @throws CheckpointException when there are checkpoints and none can be used
     */
    public static Optional<Resumption> find(JobConfig job, RunDirectory directory) throws IOException {
        if (!directory.exists(CONFIG)) {
            return Optional.empty();
        }
        String where = directory.location() + "/" + CONFIG;
        JobConfig before = JobFile.resolved(where, new String(directory.read(CONFIG), StandardCharsets.UTF_8));
        Optional<RunStatus> status = directory.exists(RunStatus.FILE)
                ? Optional.of(RunStatus.parse(directory.read(RunStatus.FILE)))
                : Optional.empty();
        Resumption found = new Resumption(directory, newest(directory, status), status);
        FreezeState reached =
                found.checkpoint().map(c -> c.point().state().freeze()).orElseGet(() -> atStart(before));
        int nextDecision = found.checkpoint().map(c -> c.point().nextDecision()).orElse(0);
        List<String> refused = JobChanges.refused(before, job, reached, nextDecision);
        if (!refused.isEmpty()) {
            throw refusal("the job differs from " + where, refused);
        }
        return Optional.of(found);
    }

    private static Optional<Checkpoint> newest(RunDirectory directory, Optional<RunStatus> status) throws IOException {
        try {
            return new CheckpointStore(directory).newest(line -> Console.progress("warning: " + line));
        } catch (CheckpointException e) {
            // A finished run's adapter is good whatever became of its checkpoints.
            if (status.filter(Resumption::isFinished).isEmpty()) {
                RunStatus failed = RunStatus.failed(ExitCode.of(e).code(), ExitCode.message(e));
                directory.write(RunStatus.FILE, failed.toJson());
            }
            throw e;
        }
    }

    private static FreezeState atStart(JobConfig job) {
        Map<String, GroupState> states = new TreeMap<>();
        job.schedule().live().forEach(group -> states.put(group, GroupState.LIVE));
        return FreezeState.of(states);
    }

    private static boolean isFinished(RunStatus status) {
        return status.state() == RunStatus.State.FINISHED;
    }

    /** Whether the run came to its end, be it that of a shorter job. */
    public boolean isFinished() {
        return status.filter(Resumption::isFinished).isPresent();
    }

    /** Whether the run came to the end of this very job. */
    public boolean nothingLeft(StoppingCriteria stopping) {
        return isFinished()
                && checkpoint.filter(c -> stopping.reached(c.point().seen())).isPresent();
    }

    /** The run's history as of the checkpoint. */
    public RunHistory history(Clock clock) throws IOException {
        return RunHistory.resume(
                directory, clock, checkpoint.map(Checkpoint::historyBytes).orElse(0));
    }

    /** Declared groups that the checkpoint does not know. */
    public List<String> added(LoraManifest manifest) {
        if (checkpoint.isEmpty()) {
            return List.of();
        }
        Set<String> known = checkpoint.get().point().state().freeze().states().keySet();
        return manifest.groups().stream()
                .map(LoraGroup::name)
                .filter(group -> !known.contains(group))
                .toList();
    }

    /** What a job's numbers come from, as checkpoints keep it: what the job file says, and what its paths hold. */
    public static SortedMap<String, String> origin(JobConfig job, JobModel model, JobData data) {
        SortedMap<String, String> origin = new TreeMap<>();
        origin.put("job", JobChanges.fixedSha256(job));
        origin.put("base model", model.baseSha256());
        origin.put("training rows", Long.toString(data.training().plan().examples()));
        origin.put("training tokens", Long.toString(tokens(data)));
        origin.put("labels", data.labels().toString());
        return origin;
    }

    private static long tokens(JobData data) {
        return data.training().statistics().lengths().entrySet().stream()
                .mapToLong(e -> e.getKey() * e.getValue())
                .sum();
    }

    /** Refuses files that are not what they were. */
    public void requireSame(SortedMap<String, String> origin) {
        List<String> differences = new ArrayList<>();
        checkpoint.ifPresent(c -> c.origin().forEach((what, was) -> {
            String is = origin.getOrDefault(what, was);
            if (!is.equals(was)) {
                differences.add(what + ": " + was + " → " + is);
            }
        }));
        if (!differences.isEmpty()) {
            throw refusal("what the job reads is not what the run in " + directory.location() + " read", differences);
        }
    }

    private static UsageException refusal(String what, List<String> differences) {
        return new UsageException("--resume: " + what
                + " in what must not change; change it back, or train afresh with another --output or --overwrite\n"
                + String.join("\n", differences));
    }

    /** For a person: where the run goes on. */
    public String description() {
        return checkpoint
                .map(c -> "going on from " + CheckpointStore.FOLDER + "/" + c.name() + ", after "
                        + c.point().stepsDone() + " steps")
                .orElse("the run in " + directory.location() + " has no checkpoint; starting from the beginning");
    }
}
