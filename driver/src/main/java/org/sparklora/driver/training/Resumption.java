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
import org.sparklora.driver.cluster.Locations;
import org.sparklora.driver.cluster.data.RunData;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.driver.job.config.JobChanges;
import org.sparklora.driver.job.config.JobConfig;
import org.sparklora.driver.job.config.JobFile;
import org.sparklora.driver.job.config.TrainingConfig;
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
 * The run that {@code --resume} found in a run directory, checked against the job. Finding it changes no file, with one
 * exception: if no checkpoint can be used, the status of an unfinished run says so.
 *
 * @param checkpoint where the run continues; empty if it stopped before its first checkpoint
 * @param status as the run left it
 */
record Resumption(RunDirectory directory, Optional<Checkpoint> checkpoint, Optional<RunStatus> status) {

    private static final String CONFIG = "config.yaml";

    /**
     * The job with what its run began with, where the job leaves it open: kernel, precision and commits of a hub, and in a run of 0.1.0
     * the default of that version, by which every tensor decayed.
     */
    static JobConfig asBegun(JobConfig job) throws IOException {
        Optional<JobConfig> before = before(Locations.directory(job.output()));
        if (before.isEmpty()) {
            return job;
        }
        Optional<String> adapter = before.get().lora().initAdapter();
        JobConfig begun = job.with(job.arithmetic(JobChanges.arithmetic(before.get())))
                .with(
                        asBegun(job.model().path(), before.get().model().path()),
                        job.lora().initAdapter().map(now -> asBegun(now, adapter.orElse(now))));
        boolean defaults = job.training().weightDecayExclude().equals(Optional.of(TrainingConfig.DEFAULT_EXCLUDED));
        if (defaults && before.get().training().weightDecayExclude().isEmpty()) {
            Console.progress(
                    job.name() + ": every tensor decays, as when the run began (training.weight_decay_exclude: null)");
            return begun.withDecayOfEverything();
        }
        return begun;
    }

    /** The id of a repository without a revision stays at the commit that the run began with. */
    private static String asBegun(String now, String before) {
        boolean open = HubId.of(now).filter(id -> id.revision().isEmpty()).isPresent();
        return open && before.startsWith(now + "@") ? before : now;
    }

    /** The job of the run in a directory. */
    static Optional<JobConfig> before(RunDirectory directory) throws IOException {
        return directory
                .find(CONFIG)
                .map(yaml -> JobFile.resolved(
                        directory.location() + "/" + CONFIG, new String(yaml, StandardCharsets.UTF_8)));
    }

    /**
     * Looks for a run.
     *
     * @return empty if there is none; then the job starts from the beginning
     * @throws UsageException naming every change of the job that a resumed run does not allow
     * @throws CheckpointException if there are checkpoints and none can be used
     */
    static Optional<Resumption> find(JobConfig job, RunDirectory directory) throws IOException {
        Optional<JobConfig> config = before(directory);
        if (config.isEmpty()) {
            return Optional.empty();
        }
        String where = directory.location() + "/" + CONFIG;
        JobConfig before = config.get();
        Optional<RunStatus> status = directory.find(RunStatus.FILE).map(RunStatus::parse);
        Resumption found = new Resumption(directory, newest(directory, status), status);
        FreezeState reached =
                found.checkpoint().map(c -> c.point().state().freeze()).orElseGet(() -> atStart(before));
        int nextDecision = found.checkpoint().map(c -> c.point().nextDecision()).orElse(0);
        List<String> refused = JobChanges.refused(before, job, reached, nextDecision);
        if (!refused.isEmpty()) {
            throw refusal("usage.resume-job-changed", "the job differs from " + where, refused);
        }
        return Optional.of(found);
    }

    private static Optional<Checkpoint> newest(RunDirectory directory, Optional<RunStatus> status) throws IOException {
        try {
            return new CheckpointStore(directory).newest(line -> Console.progress("warning: " + line));
        } catch (CheckpointException e) {
            // The adapter of a finished run is valid even if its checkpoints are not.
            if (status.filter(Resumption::isFinished).isEmpty()) {
                RunStatus failed = RunStatus.failed(ExitCode.of(e).code(), ExitCode.message(e));
                directory.write(RunStatus.FILE, failed.toJson());
            }
            throw e;
        }
    }

    static FreezeState atStart(JobConfig job) {
        Map<String, GroupState> states = new TreeMap<>();
        job.schedule().live().forEach(group -> states.put(group, GroupState.LIVE));
        return FreezeState.of(states);
    }

    private static boolean isFinished(RunStatus status) {
        return status.state() == RunStatus.State.FINISHED;
    }

    /** Whether the run finished, possibly with fewer epochs than the job has now. */
    boolean isFinished() {
        return status.filter(Resumption::isFinished).isPresent();
    }

    /** Whether the run finished all that the job asks for. */
    boolean nothingLeft(StoppingCriteria criteria) {
        return isFinished()
                && checkpoint.filter(c -> criteria.reached(c.point().seen())).isPresent();
    }

    /**
     * The run's history up to the checkpoint.
     *
     * @param leased the same directory, to write to
     */
    RunHistory history(RunDirectory leased, Clock clock) throws IOException {
        return RunHistory.resume(
                leased, clock, checkpoint.map(Checkpoint::historyBytes).orElse(0L));
    }

    /** Groups of the job that the checkpoint does not know. */
    List<String> added(LoraManifest manifest) {
        if (checkpoint.isEmpty()) {
            return List.of();
        }
        Set<String> known = checkpoint.get().point().state().freeze().states().keySet();
        return manifest.groups().stream()
                .map(LoraGroup::name)
                .filter(group -> !known.contains(group))
                .toList();
    }

    /** Digests of everything that determines a run's results: the job file and the contents of its paths. */
    static SortedMap<String, String> origin(JobConfig job, RunOutput.Start start) {
        RunData data = start.data();
        SortedMap<String, String> origin = new TreeMap<>();
        origin.put("job", JobChanges.fixedSha256(job));
        origin.put("base model", start.model().baseSha256());
        origin.put("instructions of the processor", start.instructions());
        origin.put("training rows", Long.toString(data.training().plan().examples()));
        origin.put("training tokens", Long.toString(data.training().statistics().tokens()));
        origin.put("labels", data.labels().toString());
        data.origins().forEach((key, rows) -> origin.put("rows of " + key, rows.sha256()));
        return origin;
    }

    /** Refuses inputs that changed since the checkpoint. */
    void requireSame(SortedMap<String, String> origin) {
        List<String> differences = new ArrayList<>();
        checkpoint.ifPresent(c -> c.origin().forEach((what, was) -> {
            String is = origin.getOrDefault(what, was);
            if (!is.equals(was)) {
                differences.add(what + ": " + was + " → " + is);
            }
        }));
        if (!differences.isEmpty()) {
            throw refusal(
                    "usage.resume-input-changed",
                    "the inputs of the run in " + directory.location() + " have changed",
                    differences);
        }
    }

    static UsageException refusal(String code, String what, List<String> differences) {
        List<String> lines = new ArrayList<>();
        lines.add("--resume: " + what
                + "; undo the changes below, or start a new run with another --output or --overwrite");
        lines.addAll(differences);
        return UsageException.ofLines(code, lines);
    }

    /** For the user: where the run continues. */
    String description() {
        return checkpoint
                .map(c -> "resuming from " + CheckpointStore.FOLDER + "/" + c.name() + ", after "
                        + c.point().stepsDone() + " steps")
                .orElse("the run in " + directory.location() + " has no checkpoint; starting from the beginning");
    }
}
