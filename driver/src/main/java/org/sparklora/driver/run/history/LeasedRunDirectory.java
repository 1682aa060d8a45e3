package org.sparklora.driver.run.history;

import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A run directory to which one process writes at a time. YARN starts a second attempt of an application while the first one
 * may still live; without a lease, both would write.
 *
 * <p>The first write takes the lease by creating {@code lease/NUMBER.json} with the next number, and a thread renews it. A lease
 * can be taken from an older attempt of the same application, and from a process that has ended, or gave no sign of life for
 * two minutes. Each write reads the lease again, so the process that lost it changes nothing more.
 *
 * <p>Thread-safe, like the directory that it writes to.
 */
public final class LeasedRunDirectory extends ForwardingRunDirectory implements AutoCloseable {

    /** How long a lease is valid without a sign of life. */
    private static final Duration TERM = Duration.ofMinutes(2);

    private static final long RENEWAL_SECONDS = 30;

    /** Tokens of the leases that this JVM holds. */
    private static final Set<String> OPEN = ConcurrentHashMap.newKeySet();

    private final RunDirectory directory;
    private final Clock clock;
    private final ScheduledExecutorService renewal = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "spark-lora lease");
        thread.setDaemon(true);
        return thread;
    });
    private Lease mine;
    private @Nullable String lost;

    /** Takes no lease yet. */
    public LeasedRunDirectory(RunDirectory directory, Clock clock) {
        this(directory, clock, Lease.ofThisProcess(System.getenv()));
    }

    LeasedRunDirectory(RunDirectory directory, Clock clock, Lease process) {
        super(directory);
        this.directory = directory;
        this.clock = clock;
        this.mine = process;
    }

    /**
     * Refuses a directory that another run writes to.
     *
     * @throws OutputException naming the process
     */
    public void refuseHeld() throws IOException {
        Lease.newest(directory).ifPresent(this::refuse);
    }

    private void refuse(Lease other) {
        Duration age = other.age(clock.instant());
        Duration left = TERM.minus(age);
        boolean ended = other.joined() == other.number();
        if (ended || left.isNegative() || left.isZero() || other.isReplacedBy(mine) || hasDied(other)) {
            return;
        }
        throw new OutputException(
                "output.lease-held",
                location() + " is in use by " + other.holder() + ", whose last sign of life is " + age.toSeconds()
                        + " s old; wait until it ends, stop it, or choose another --output. If it is dead, its lease"
                        + " expires in " + left.toSeconds() + " s");
    }

    /** Whether its process is known to have ended. */
    private boolean hasDied(Lease other) {
        boolean alive = other.process() == mine.process()
                ? OPEN.contains(other.token())
                : ProcessHandle.of(other.process()).isPresent();
        return !alive && other.host().equals(mine.host()) && other.namespace().equals(mine.namespace());
    }

    /**
     * Takes the lease if this process never had it, else reads it again.
     *
     * @throws OutputException if another process has the lease
     */
    @Override
    public synchronized int fencingNumber() throws IOException {
        // A number may be taken by a lease that does not count.
        for (int next = 1; mine.number() == 0; next++) {
            take(next);
        }
        if (lost == null) {
            Optional<Lease> newest = Lease.newest(directory);
            if (newest.filter(lease -> lease.token().equals(mine.token())).isEmpty()) {
                lost = newest.map(lease -> "was taken over by " + lease.holder())
                        .orElse("has no lease any more");
            }
        }
        if (lost != null) {
            throw new OutputException(
                    "output.lease-lost", location() + " " + lost + "; this run ends and leaves the directory as it is");
        }
        return mine.number();
    }

    @SuppressWarnings("FutureReturnValueIgnored") // renew throws nothing
    private void take(int next) throws IOException {
        Optional<Lease> newest = Lease.newest(directory);
        newest.ifPresent(this::refuse);
        int number = newest.map(Lease::number).orElse(0) + next;
        Lease taken = mine.with(number, newest.map(Lease::joined).orElse(0), clock.instant());
        OPEN.add(taken.token());
        if (directory.create(taken.file(), taken.toJson())) {
            mine = taken;
            renewal.scheduleWithFixedDelay(this::renew, RENEWAL_SECONDS, RENEWAL_SECONDS, TimeUnit.SECONDS);
        }
    }

    /** Gives a sign of life. */
    @SuppressWarnings("EmptyCatch")
    synchronized void renew() {
        try {
            write(mine.joined());
        } catch (IOException | RuntimeException e) {
            // The next write of the run says why, if the next sign of life fails, too.
        }
    }

    private void write(int joined) throws IOException {
        mine = mine.with(fencingNumber(), joined, clock.instant());
        directory.write(mine.file(), mine.toJson());
    }

    /** Whether this process took the lease and did not lose it. */
    public synchronized boolean isHeld() {
        return mine.number() > 0 && lost == null;
    }

    /** Whether another process took the lease from this one. */
    public synchronized boolean isLost() {
        return lost != null;
    }

    /** Records that the run has ended and its history is joined. Earlier leases are deleted. */
    public synchronized void end() throws IOException {
        write(fencingNumber());
        for (String name : list(Lease.FOLDER)) {
            if (mine.file().compareTo(Lease.FOLDER + "/" + name) > 0) {
                directory.delete(Lease.FOLDER + "/" + name);
            }
        }
    }

    /** Ends the renewal. A lease whose run did not {@link #end} expires, within this process at once. */
    @Override
    public void close() {
        renewal.shutdown();
        OPEN.remove(mine.token());
    }

    @Override
    public void write(String name, Content content) throws IOException {
        fencingNumber();
        directory.write(name, content);
    }

    @Override
    public void delete(String name) throws IOException {
        fencingNumber();
        directory.delete(name);
    }
}
