package org.sparklora.driver.run.history;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The content of {@code lease/NUMBER.json}: a process that may write to the run directory. The highest number decides.
 *
 * @param number the fencing number, from 1; 0 for a process without a lease
 * @param joined the highest number whose events are in {@code history.jsonl}; equal to {@code number} once the run has ended
 * @param application YARN's identifier; empty elsewhere
 * @param attempt number of the application's attempt; 0 elsewhere
 * @param namespace of process identifiers: containers on a host may share its name
 * @param process its identifier on the host
 * @param token different for all runs, also of one process
 * @param renewed the last sign of life, by the holder's clock
 */
record Lease(
        int number,
        int joined,
        String application,
        int attempt,
        String host,
        String namespace,
        long process,
        String token,
        String renewed) {

    /** The folder in the run directory. */
    static final String FOLDER = "lease";

    private static final JsonMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();
    private static final Pattern CONTAINER = Pattern.compile("container_(?:e\\d+_)?(\\d+_\\d+)_(\\d+)_\\d+");

    /**
     * This process, without a lease.
     *
     * @param environment in which YARN names the container, and so the application and its attempt
     */
    static Lease ofThisProcess(Map<String, String> environment) {
        Matcher yarn = CONTAINER.matcher(environment.getOrDefault("CONTAINER_ID", ""));
        String application = yarn.matches() ? "application_" + yarn.group(1) : "";
        int attempt = yarn.matches() ? Integer.parseInt(yarn.group(2)) : 0;
        String host = "unknown host";
        String namespace;
        try {
            host = InetAddress.getLocalHost().getHostName();
            namespace = Files.readSymbolicLink(Path.of("/proc/self/ns/pid")).toString();
        } catch (IOException e) {
            // Only Linux has namespaces.
            namespace = "";
        }
        String token = UUID.randomUUID().toString();
        return new Lease(
                0,
                0,
                application,
                attempt,
                host,
                namespace,
                ProcessHandle.current().pid(),
                token,
                "");
    }

    /** The lease with the highest number. One whose writing was interrupted does not count. */
    @SuppressWarnings("EmptyCatch")
    static Optional<Lease> newest(RunDirectory directory) throws IOException {
        for (String name : new TreeSet<>(directory.list(FOLDER)).descendingSet()) {
            try {
                return Optional.of(JSON.readValue(directory.read(FOLDER + "/" + name), Lease.class));
            } catch (JsonProcessingException e) {
                // The process before may still write.
            }
        }
        return Optional.empty();
    }

    Lease with(int newNumber, int newJoined, Instant now) {
        return new Lease(newNumber, newJoined, application, attempt, host, namespace, process, token, now.toString());
    }

    /** Whether {@code later} replaces this attempt of the same application. */
    boolean isReplacedBy(Lease later) {
        return !application.isEmpty() && application.equals(later.application) && attempt < later.attempt;
    }

    /** Time since the last sign of life; a clock that is behind counts as none. */
    Duration age(Instant now) {
        Duration age = Duration.between(Instant.parse(renewed), now);
        return age.isNegative() ? Duration.ZERO : age;
    }

    /** The file in the run directory. */
    String file() {
        return String.format(Locale.ROOT, "%s/%06d.json", FOLDER, number);
    }

    byte[] toJson() {
        return (JSON.valueToTree(this) + "\n").getBytes(StandardCharsets.UTF_8);
    }

    /** The holder, for messages. */
    String holder() {
        return "process " + process + " on " + host
                + (application.isEmpty() ? "" : " (" + application + ", attempt " + attempt + ")");
    }
}
