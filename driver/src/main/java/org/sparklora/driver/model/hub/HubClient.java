package org.sparklora.driver.model.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpTimeoutException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.io.function.Uncheck;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.worker.encoder.ModelException;

/**
 * A client of the hub's HTTP interface (huggingface.co/docs/hub/api): {@code GET /api/models/ID/revision/REVISION} tells commit and
 * file names, {@code HEAD} and {@code GET /ID/resolve/COMMIT/FILE} a file's digest and content, mostly by a redirect.
 *
 * <p>Follows redirects itself, so that the token goes to the hub's own address only. What may go well later is tried again: a
 * connection that breaks, an answer 429 or 5xx, an error of another host. After {@value #MAX_FAILURES} failures in a row without
 * a new byte it gives up. A download continues where it broke off.
 */
final class HubClient {

    static final String UNREACHABLE = "model.hub-unreachable";
    static final int MAX_FAILURES = 5;

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_REDIRECTS = 5;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration MAX_WAIT = Duration.ofMinutes(5);

    /** Git's digest of a file, or that of Git LFS. */
    private static final Pattern DIGEST = Pattern.compile("(?:W/)?\"?([0-9a-f]{40}|[0-9a-f]{64})\"?");

    private final HubSettings settings;
    private final Pace pace;
    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT)
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();

    /** Whether the hub has answered to this client. */
    private boolean reached;

    /**
     * How time passes.
     *
     * @param look from one look at a download to the next
     * @param silence without a byte after which a connection counts as broken
     * @param sleeper waits before another try
     */
    record Pace(Duration look, Duration silence, Sleeper sleeper) {}

    /** Waits for a time. */
    @FunctionalInterface
    interface Sleeper {
        void sleep(Duration time) throws InterruptedException;
    }

    /** What a revision is. */
    record Revision(String commit, List<String> files) {}

    /**
     * A file of a commit.
     *
     * @param digest the name of its content
     * @param bytes its length
     */
    record RemoteFile(String name, String digest, long bytes) {}

    /** A number of bytes that grows. */
    @FunctionalInterface
    private interface Received {
        long bytes() throws IOException;
    }

    @FunctionalInterface
    private interface Exchange<T> {
        T run() throws IOException, InterruptedException;
    }

    /** An answer that may be another one later. */
    private static final class BusyException extends IOException {

        private static final long serialVersionUID = 1L;

        /** What the hub asks for; zero if nothing. */
        private final Duration wait;

        BusyException(String message, Duration wait) {
            super(message);
            this.wait = wait;
        }
    }

    HubClient(HubSettings settings, Pace pace) {
        this.settings = settings;
        this.pace = pace;
    }

    /** Looks up a revision, {@value HubId#DEFAULT_REVISION} if the id has none. */
    Revision revision(HubId id) {
        String name = id.revision().orElse(HubId.DEFAULT_REVISION);
        URI address = address(
                "/api/models/" + id.repository() + "/revision/" + URLEncoder.encode(name, StandardCharsets.UTF_8));
        return retrying(id, () -> 0, () -> {
            HttpResponse<String> answer = send("GET", address, 0, BodyHandlers.ofString(), () -> 0);
            requireFound(id, "revision " + name, answer);
            JsonNode json = JSON.readTree(answer.body());
            String commit = json.path("sha").asText();
            if (!HubId.isCommit(commit)) {
                throw strange(id, "names no commit of revision " + name);
            }
            List<String> files = new ArrayList<>();
            json.path("siblings")
                    .forEach(file -> files.add(file.path("rfilename").asText()));
            return new Revision(commit, files);
        });
    }

    /** Looks up a file of a commit. */
    RemoteFile file(HubId pinned, String name) {
        return retrying(pinned, () -> 0, () -> {
            HttpResponse<Void> answer = send("HEAD", resolve(pinned, name), 0, BodyHandlers.discarding(), () -> 0);
            if (!REDIRECTS.contains(answer.statusCode())) {
                requireFound(pinned, name, answer);
            }
            HttpHeaders headers = answer.headers();
            // Headers of the answer itself are about the redirect, if it is one; those of Git LFS are about the file.
            Matcher digest = DIGEST.matcher(headers.firstValue("X-Linked-ETag")
                    .or(() -> headers.firstValue("ETag"))
                    .orElse(""));
            Optional<String> bytes = headers.firstValue("X-Linked-Size").or(() -> headers.firstValue("Content-Length"));
            if (!digest.matches()
                    || bytes.filter(text -> text.matches("\\d{1,18}")).isEmpty()) {
                throw strange(pinned, "tells neither digest nor length of " + name);
            }
            return new RemoteFile(name, digest.group(1), Long.parseLong(bytes.get()));
        });
    }

    /**
     * Downloads what is missing of a file.
     *
     * @param part holds its first bytes, if it exists, and all of them in the end
     * @param watcher sees the length of {@code part} from time to time
     */
    void download(HubId pinned, RemoteFile file, Path part, LongConsumer watcher) {
        Received received = () -> {
            long bytes = size(part);
            watcher.accept(bytes);
            return bytes;
        };
        retrying(pinned, received, () -> {
            long before = received.bytes();
            if (before < file.bytes() || !Files.exists(part)) {
                try (FileChannel out = FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                    out.position(before);
                    HttpResponse<Void> answer = send("GET", resolve(pinned, file.name()), before, into(out), received);
                    requireFound(pinned, file.name(), answer);
                }
            }
            long after = received.bytes();
            if (after > file.bytes()) {
                Files.delete(part);
            }
            if (after != file.bytes()) {
                throw new IOException(file.name() + " ended after " + after + " of " + file.bytes() + " bytes");
            }
            return after;
        });
    }

    private static long size(Path part) throws IOException {
        return Files.exists(part) ? Files.size(part) : 0;
    }

    /** Appends where the server continues, and starts anew where it does not. The JDK's own ofFile loses bytes before Java 20. */
    private static BodyHandler<Void> into(FileChannel out) {
        return info -> {
            int status = info.statusCode();
            if (status != 200 && status != 206) {
                return BodySubscribers.discarding();
            }
            if (status == 200) {
                Uncheck.run(() -> out.truncate(0));
            }
            OutputStream end = Channels.newOutputStream(out);
            return BodySubscribers.ofByteArrayConsumer(
                    bytes -> bytes.ifPresent(content -> Uncheck.run(() -> end.write(content))));
        };
    }

    private URI address(String path) {
        return URI.create(settings.endpoint() + path);
    }

    private URI resolve(HubId pinned, String file) {
        return address(
                "/" + pinned.repository() + "/resolve/" + pinned.revision().orElseThrow() + "/" + file);
    }

    /** Runs an exchange until it succeeds, with growing waits. */
    private <T> T retrying(HubId id, Received received, Exchange<T> exchange) {
        int failures = 0;
        long before = 0;
        while (true) {
            try {
                return exchange.run();
            } catch (IOException e) {
                try {
                    long now = received.bytes();
                    failures = now > before ? 1 : failures + 1;
                    before = now;
                    pace.sleeper().sleep(waitAfter(failures, e));
                } catch (IOException | InterruptedException end) {
                    throw unreachable(id, end);
                }
            } catch (InterruptedException e) {
                throw unreachable(id, e);
            }
        }
    }

    /** The wait before the next try; throws the failure after the last one. */
    private Duration waitAfter(int failures, IOException failure) throws IOException {
        boolean connected = !(failure instanceof ConnectException || failure instanceof HttpConnectTimeoutException);
        Duration asked = failure instanceof BusyException busy ? busy.wait : Duration.ZERO;
        // An address that has never answered is wrong, or there is no network: waiting does not help.
        if (failures == MAX_FAILURES || !(connected || reached) || asked.compareTo(MAX_WAIT) > 0) {
            throw failure;
        }
        return asked.isZero() ? Duration.ofSeconds(1L << (failures - 1)) : asked;
    }

    /**
     * Sends a request. A GET follows redirects everywhere; a HEAD within the hub's address, whose headers tell the file's digest.
     *
     * @param from the first byte that is asked for
     */
    private <T> HttpResponse<T> send(String method, URI address, long from, BodyHandler<T> body, Received received)
            throws IOException, InterruptedException {
        URI at = address;
        boolean own = true;
        for (int i = 0; i <= MAX_REDIRECTS; i++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(at).method(method, BodyPublishers.noBody());
            if (from > 0) {
                request.header("Range", "bytes=" + from + "-");
            }
            if (own) {
                settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
            }
            HttpResponse<T> answer = await(request.build(), body, received);
            reached = true;
            Optional<String> location = answer.headers().firstValue("Location");
            if (!REDIRECTS.contains(answer.statusCode()) || location.isEmpty()) {
                return answer;
            }
            URI next = next(at, location.get());
            // Once another host has been asked, the token stays away also from a redirect that leads back.
            own = own && isOwn(next);
            if (!own && method.equals("HEAD")) {
                return answer;
            }
            at = next;
        }
        throw new IOException(at.getHost() + " redirects more than " + MAX_REDIRECTS + " times");
    }

    private static URI next(URI from, String location) throws IOException {
        URI next;
        try {
            next = from.resolve(location);
        } catch (IllegalArgumentException e) {
            // Without the address, which may be a signed one.
            throw new IOException(from.getHost() + " redirects to something that is no address");
        }
        boolean safe = "https".equals(next.getScheme())
                || ("http".equals(next.getScheme()) && "http".equals(from.getScheme()));
        if (!safe || next.getHost() == null) {
            throw new IOException(from.getHost() + " redirects to an address without https");
        }
        return next;
    }

    private boolean isOwn(URI address) {
        URI hub = settings.endpoint();
        return address.getScheme().equals(hub.getScheme())
                && address.getHost().equalsIgnoreCase(hub.getHost())
                && address.getPort() == hub.getPort();
    }

    /** Waits for an answer with its body, as long as bytes come. */
    private <T> HttpResponse<T> await(HttpRequest request, BodyHandler<T> body, Received received)
            throws IOException, InterruptedException {
        CompletableFuture<HttpResponse<T>> answer = http.sendAsync(request, body);
        long before = received.bytes();
        Duration silent = Duration.ZERO;
        while (true) {
            try {
                return answer.get(pace.look().toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                long now = received.bytes();
                silent = now == before ? silent.plus(pace.look()) : Duration.ZERO;
                before = now;
                if (silent.compareTo(pace.silence()) >= 0) {
                    answer.cancel(true);
                    throw new HttpTimeoutException(
                            "no byte for " + pace.silence().toSeconds() + " s");
                }
            } catch (ExecutionException e) {
                throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
            }
        }
    }

    /** Refuses an answer that says no, and throws an IOException for one that may be another later. */
    private void requireFound(HubId id, String what, HttpResponse<?> answer) throws IOException {
        int status = answer.statusCode();
        if (status / 100 == 2) {
            return;
        }
        if (status == 429 || status / 100 == 5 || !isOwn(answer.uri())) {
            throw new BusyException(answer.uri().getHost() + " answers with status " + status, asked(answer.headers()));
        }
        String hub = settings.endpoint() + "/" + id.repository();
        String code = answer.headers().firstValue("X-Error-Code").orElse("");
        if (code.equals("GatedRepo")) {
            throw new ModelException(
                    "model.hub-denied",
                    hub
                            + " is gated; accept its conditions there in a browser, and set HF_TOKEN to a token of that account");
        }
        if (status == 401 || status == 403) {
            throw new ModelException(
                    "model.hub-denied",
                    hub + " does not exist, or is private"
                            + (settings.token().isPresent() ? " and not open to the token of this user" : "")
                            + "; correct the name, or set HF_TOKEN to a token that may read it");
        }
        if (status != 404) {
            throw strange(id, "answers with status " + status + " for " + what);
        }
        boolean exists = code.equals("RevisionNotFound") || code.equals("EntryNotFound");
        throw new ModelException(
                "model.hub-missing",
                hub + (exists ? " has no " + what : " does not exist") + "; correct the name or what stands after @");
    }

    /** How long to wait: Retry-After in seconds, or t of RateLimit (an IETF draft). */
    private static Duration asked(HttpHeaders headers) {
        Matcher seconds = Pattern.compile("(?:.*;\\s*t\\s*=\\s*)?(\\d{1,9})(?:\\D.*)?")
                .matcher(headers.firstValue("Retry-After")
                        .or(() -> headers.firstValue("RateLimit"))
                        .orElse(""));
        return seconds.matches() ? Duration.ofSeconds(Long.parseLong(seconds.group(1))) : Duration.ZERO;
    }

    private ModelException strange(HubId id, String what) {
        return new ModelException(
                "model.hub-answer",
                settings.endpoint() + " " + what + " of " + id + "; check that HF_ENDPOINT is the address of a hub");
    }

    private ModelException unreachable(HubId id, Exception cause) {
        if (cause instanceof InterruptedException) {
            Thread.currentThread().interrupt();
        }
        return new ModelException(
                UNREACHABLE,
                id + " cannot be downloaded from " + settings.endpoint() + ": " + cause
                        + "; check the network, HF_ENDPOINT and the proxy (-Dhttps.proxyHost), or run again to continue",
                cause);
    }
}
