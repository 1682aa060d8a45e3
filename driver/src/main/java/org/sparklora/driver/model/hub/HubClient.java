package org.sparklora.driver.model.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.commons.io.function.IOSupplier;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.worker.encoder.ModelException;

/**
 * A client of the hub's HTTP interface (huggingface.co/docs/hub/api): {@code GET /api/models/ID/revision/REVISION} tells commit and
 * file names, {@code HEAD} and {@code GET /ID/resolve/COMMIT/FILE} a file's digest and content, mostly by a redirect.
 *
 * <p>Follows redirects itself, so that the token goes to the hub's own address only. What may go well later is tried again: a
 * connection that breaks or is silent, an answer 429 or 5xx, an error of another host. After {@value #MAX_FAILURES} failures in a
 * row without a new byte it gives up. A download continues where it broke off.
 *
 * <p>On HttpURLConnection, whose time limit holds for each read: that of the JDK's HttpClient ends with the headers.
 */
final class HubClient {

    static final String UNREACHABLE = "model.hub-unreachable";
    static final int MAX_FAILURES = 5;

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_REDIRECTS = 5;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
    private static final int CONNECT_MILLIS = 10_000;
    private static final int BUFFER = 1 << 16;

    /** Git's digest of a file, or that of Git LFS. */
    private static final Pattern DIGEST = Pattern.compile("(?:W/)?\"?([0-9a-f]{40}|[0-9a-f]{64})\"?");

    private final HubSettings settings;
    private final Pace pace;

    /** Whether a connection has been made. */
    private boolean reached;

    /**
     * How time passes.
     *
     * @param look from one look at a download to the next
     * @param silence without a byte after which a connection counts as broken
     * @param sleeper waits before another try
     */
    record Pace(Duration look, Duration silence, Consumer<Duration> sleeper) {}

    /** What a revision is. */
    record Revision(String commit, List<String> files) {}

    /**
     * A file of a commit.
     *
     * @param digest the name of its content
     * @param bytes its length
     */
    record RemoteFile(String name, String digest, long bytes) {}

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
            HttpURLConnection answer = send("GET", address, 0);
            requireFound(id, "revision " + name, answer);
            JsonNode json;
            try (InputStream in = answer.getInputStream()) {
                json = JSON.readTree(in);
            }
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
            HttpURLConnection answer = send("HEAD", resolve(pinned, name), 0);
            if (!REDIRECTS.contains(answer.getResponseCode())) {
                requireFound(pinned, name, answer);
            }
            // Headers of the answer itself are about the redirect, if it is one; those of Git LFS are about the file.
            Matcher digest = DIGEST.matcher(header(answer, "X-Linked-ETag", "ETag"));
            String bytes = header(answer, "X-Linked-Size", "Content-Length");
            if (!digest.matches() || !bytes.matches("\\d{1,18}")) {
                throw strange(pinned, "tells neither digest nor length of " + name);
            }
            return new RemoteFile(name, digest.group(1), Long.parseLong(bytes));
        });
    }

    /** The first of some headers that an answer has; empty if it has none. */
    private static String header(HttpURLConnection answer, String... names) {
        return Stream.of(names)
                .flatMap(name -> Stream.ofNullable(answer.getHeaderField(name)))
                .findFirst()
                .orElse("");
    }

    /**
     * Downloads what is missing of a file.
     *
     * @param part holds its first bytes, if it exists, and all of them in the end
     * @param watcher sees the length of {@code part} from time to time
     */
    void download(HubId pinned, RemoteFile file, Path part, LongConsumer watcher) {
        File received = part.toFile();
        retrying(pinned, received::length, () -> {
            long before = received.length();
            if (before < file.bytes() || !received.exists()) {
                HttpURLConnection answer = send("GET", resolve(pinned, file.name()), before);
                requireFound(pinned, file.name(), answer);
                // A server that cannot continue starts anew.
                boolean continues = answer.getResponseCode() == HttpURLConnection.HTTP_PARTIAL;
                StandardOpenOption how = continues ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING;
                try (InputStream in = answer.getInputStream();
                        OutputStream out = Files.newOutputStream(part, StandardOpenOption.CREATE, how)) {
                    copy(in, out, continues ? before : 0, watcher);
                }
            }
            long after = received.length();
            if (after > file.bytes()) {
                Files.delete(part);
            }
            if (after != file.bytes()) {
                throw new IOException(file.name() + " ended after " + after + " of " + file.bytes() + " bytes");
            }
            return after;
        });
    }

    private void copy(InputStream in, OutputStream out, long before, LongConsumer watcher) throws IOException {
        byte[] buffer = new byte[BUFFER];
        long bytes = before;
        long shown = System.nanoTime();
        for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
            out.write(buffer, 0, read);
            bytes += read;
            if (System.nanoTime() - shown >= pace.look().toNanos()) {
                watcher.accept(bytes);
                shown = System.nanoTime();
            }
        }
    }

    private URI address(String path) {
        return URI.create(settings.endpoint + path);
    }

    private URI resolve(HubId pinned, String file) {
        return address(
                "/" + pinned.repository() + "/resolve/" + pinned.revision().orElseThrow() + "/" + file);
    }

    /**
     * Runs an exchange until it succeeds, with growing waits.
     *
     * @param received the bytes so far
     */
    private <T> T retrying(HubId id, LongSupplier received, IOSupplier<T> exchange) {
        int failures = 0;
        long before = 0;
        while (true) {
            try {
                return exchange.get();
            } catch (IOException e) {
                long now = received.getAsLong();
                failures = now > before ? 1 : failures + 1;
                before = now;
                // An address that nothing listens at is wrong, or there is no network: waiting does not help.
                if (failures == MAX_FAILURES || !reached) {
                    throw new ModelException(
                            UNREACHABLE,
                            id + " cannot be downloaded from " + settings.endpoint + ": " + e
                                    + "; check the network, HF_ENDPOINT and the proxy (-Dhttps.proxyHost), or run again to"
                                    + " continue",
                            e);
                }
                pace.sleeper().accept(Duration.ofSeconds(1L << (failures - 1)));
            }
        }
    }

    /**
     * Sends a request. A GET follows redirects everywhere; a HEAD within the hub's address, whose headers tell the file's digest.
     *
     * @param from the first byte that is asked for
     */
    private HttpURLConnection send(String method, URI address, long from) throws IOException {
        URI at = address;
        boolean own = true;
        for (int i = 0; i <= MAX_REDIRECTS; i++) {
            HttpURLConnection answer = (HttpURLConnection) at.toURL().openConnection();
            answer.setRequestMethod(method);
            answer.setInstanceFollowRedirects(false);
            answer.setConnectTimeout(CONNECT_MILLIS);
            answer.setReadTimeout((int) pace.silence().toMillis());
            if (from > 0) {
                answer.setRequestProperty("Range", "bytes=" + from + "-");
            }
            if (own) {
                settings.token().ifPresent(token -> answer.setRequestProperty("Authorization", "Bearer " + token));
            }
            answer.connect();
            reached = true;
            int status = answer.getResponseCode();
            String location = header(answer, "Location");
            if (!REDIRECTS.contains(status) || location.isEmpty()) {
                return answer;
            }
            URI next = next(at, location);
            // Once another host has been asked, the token stays away also from a redirect that leads back.
            own = own && isOwn(next);
            if (!own && method.equals("HEAD")) {
                return answer;
            }
            answer.disconnect();
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
        URI hub = settings.endpoint;
        return address.getScheme().equals(hub.getScheme())
                && address.getHost().equalsIgnoreCase(hub.getHost())
                && address.getPort() == hub.getPort();
    }

    /** Refuses an answer that says no, and throws an IOException for one that may be another later. */
    private void requireFound(HubId id, String what, HttpURLConnection answer) throws IOException {
        int status = answer.getResponseCode();
        if (status / 100 == 2) {
            return;
        }
        // Its headers stay; nobody reads its body.
        answer.disconnect();
        URI at = URI.create(answer.getURL().toString());
        if (status == 429 || status / 100 == 5 || !isOwn(at)) {
            throw new IOException(at.getHost() + " answers with status " + status);
        }
        String hub = settings.endpoint + "/" + id.repository();
        String code = header(answer, "X-Error-Code");
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

    private ModelException strange(HubId id, String what) {
        return new ModelException(
                "model.hub-answer",
                settings.endpoint + " " + what + " of " + id + "; check that HF_ENDPOINT is the address of a hub");
    }
}
