package org.sparklora.driver.model.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.contract.Sha256;

/**
 * A hub on loopback that answers as the documentation of the hub's API and of huggingface_hub says: commits and file names of a
 * revision; HEAD and GET of a file, by a redirect on the same host to a cache for files of Git, and by one to another address for
 * files of Git LFS; error codes in {@code X-Error-Code}. The other address, a store of contents, has no use for a token.
 */
public final class HubServer implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern REVISION = Pattern.compile("/api/models/([^/]+/[^/]+)/revision/(.+)");
    private static final Pattern RESOLVE =
            Pattern.compile("(?:/api/resolve-cache/models)?/([^/]+/[^/]+)/(?:resolve/)?([^/]+)/(.+)");
    private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-");

    /** A repository: its files, and who may see them. */
    private static final class Repository {
        private final SortedMap<String, byte[]> files = new TreeMap<>();
        private String commit = "";
        private String token = "";
        private boolean gated;
    }

    /** A request as it came. */
    public record Call(String method, String path, String range, boolean token, boolean atStore) {}

    /** What a server does instead of answering. */
    @FunctionalInterface
    public interface Fault {
        void instead(HttpExchange exchange) throws IOException;
    }

    private final HttpServer hub = server();
    private final HttpServer store = server();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, Repository> repositories = new ConcurrentHashMap<>();
    private final Map<String, byte[]> contents = new ConcurrentHashMap<>();
    private final Map<String, Deque<Fault>> faults = new ConcurrentHashMap<>();

    /** Every request, in order. */
    public final List<Call> calls = new CopyOnWriteArrayList<>();

    public HubServer() {
        for (HttpServer server : List.of(hub, store)) {
            server.setExecutor(threads);
            server.createContext("/", exchange -> answer(exchange, server == store));
            server.start();
        }
    }

    private static HttpServer server() {
        try {
            return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The value of HF_ENDPOINT. */
    public String endpoint() {
        return "http://127.0.0.1:" + hub.getAddress().getPort();
    }

    private String storeAddress() {
        return "http://localhost:" + store.getAddress().getPort();
    }

    /** Pushes files to the branch main; returns the commit. */
    public String push(String id, Map<String, byte[]> files) {
        Repository repository = repositories.computeIfAbsent(id, name -> new Repository());
        repository.files.putAll(files);
        files.values().forEach(content -> contents.put(Sha256.hex(content), content));
        repository.commit = hex(repository.files.keySet().toString()
                + repository.files.values().stream().map(Sha256::hex).toList());
        return repository.commit;
    }

    /** Lets only requests with a token see a repository; a gated one shows that it exists. */
    public void protect(String id, String token, boolean gated) {
        Objects.requireNonNull(repositories.get(id)).token = token;
        Objects.requireNonNull(repositories.get(id)).gated = gated;
    }

    /** Does something else once for the next request of a method for a path that ends so. */
    public void fault(String method, String pathEnd, Fault fault) {
        faults.computeIfAbsent(method + " " + pathEnd, key -> new ArrayDeque<>())
                .add(fault);
    }

    /** An answer with a status and headers. */
    static Fault status(int status, String... headers) {
        return exchange -> {
            for (int i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().add(headers[i], headers[i + 1]);
            }
            exchange.sendResponseHeaders(status, -1);
        };
    }

    /** A content that ends after some bytes, as when a connection breaks. */
    Fault cut(byte[] content, int bytes) {
        return exchange -> {
            int from = from(exchange);
            exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
            exchange.getResponseBody().write(content, from, bytes);
            exchange.getResponseBody().flush();
        };
    }

    private static int from(HttpExchange exchange) {
        Matcher range =
                RANGE.matcher(String.valueOf(exchange.getRequestHeaders().getFirst("Range")));
        return range.matches() ? Integer.parseInt(range.group(1)) : 0;
    }

    private void answer(HttpExchange exchange, boolean atStore) throws IOException {
        String path = exchange.getRequestURI().getRawPath();
        String range = String.valueOf(exchange.getRequestHeaders().getFirst("Range"));
        boolean token = exchange.getRequestHeaders().containsKey("Authorization");
        calls.add(new Call(exchange.getRequestMethod(), path, range, token, atStore));
        try (exchange) {
            Deque<Fault> waiting = faults.entrySet().stream()
                    .filter(fault -> {
                        String[] parts = fault.getKey().split(" ", 2);
                        return exchange.getRequestMethod().equals(parts[0]) && path.endsWith(parts[1]);
                    })
                    .map(Map.Entry::getValue)
                    .filter(queue -> !queue.isEmpty())
                    .findFirst()
                    .orElse(new ArrayDeque<>());
            Fault fault = waiting.poll();
            if (fault != null) {
                fault.instead(exchange);
            } else if (atStore) {
                send(exchange, Objects.requireNonNull(contents.get(path.substring(1))));
            } else {
                repository(exchange, path);
            }
        }
    }

    private void repository(HttpExchange exchange, String path) throws IOException {
        Matcher revision = REVISION.matcher(path);
        Matcher resolve = RESOLVE.matcher(path);
        if (revision.matches()) {
            Repository found = visible(exchange, revision.group(1), revision.group(2));
            if (found != null) {
                List<Map<String, String>> siblings = found.files.keySet().stream()
                        .map(name -> Map.of("rfilename", name))
                        .toList();
                send(
                        exchange,
                        JSON.writeValueAsBytes(
                                Map.of("id", revision.group(1), "sha", found.commit, "siblings", siblings)));
            }
        } else if (resolve.matches()) {
            Repository found = visible(exchange, resolve.group(1), resolve.group(2));
            if (found != null && !found.files.containsKey(resolve.group(3))) {
                status(404, "X-Error-Code", "EntryNotFound").instead(exchange);
            } else if (found != null) {
                file(exchange, found, resolve);
            }
        } else {
            status(404).instead(exchange);
        }
    }

    /** The repository, or null after an answer that refuses it. */
    private @Nullable Repository visible(HttpExchange exchange, String id, String revision) throws IOException {
        Repository found = repositories.get(id);
        String given = String.valueOf(exchange.getRequestHeaders().getFirst("Authorization"));
        boolean listed = exchange.getRequestURI().getPath().startsWith("/api/models/");
        if (found == null || (!found.token.isEmpty() && !found.gated && !given.equals("Bearer " + found.token))) {
            status(given.equals("null") ? 401 : 404, "X-Error-Code", "RepoNotFound")
                    .instead(exchange);
        } else if (found.gated && !listed && !given.equals("Bearer " + found.token)) {
            status(given.equals("null") ? 401 : 403, "X-Error-Code", "GatedRepo")
                    .instead(exchange);
        } else if (!List.of("main", "refs%2Fpr%2F1", found.commit).contains(revision)) {
            status(404, "X-Error-Code", "RevisionNotFound").instead(exchange);
        } else {
            return found;
        }
        return null;
    }

    private void file(HttpExchange exchange, Repository repository, Matcher path) throws IOException {
        byte[] content = Objects.requireNonNull(repository.files.get(path.group(3)));
        exchange.getResponseHeaders().add("X-Repo-Commit", repository.commit);
        if (path.group(3).matches(".*\\.(safetensors|bin|model)")) {
            exchange.getResponseHeaders().add("X-Linked-ETag", '"' + Sha256.hex(content) + '"');
            exchange.getResponseHeaders().add("X-Linked-Size", String.valueOf(content.length));
            exchange.getResponseHeaders().add("ETag", "\"of-the-redirect\"");
            status(302, "Location", storeAddress() + "/" + Sha256.hex(content) + "?signature=of-the-store")
                    .instead(exchange);
        } else if (path.group().startsWith("/api")) {
            exchange.getResponseHeaders().add("ETag", "W/\"" + gitDigest(content) + '"');
            send(exchange, content);
        } else {
            String cache = "/api/resolve-cache/models/" + path.group(1) + "/" + path.group(2) + "/" + path.group(3);
            status(307, "Location", cache).instead(exchange);
        }
    }

    private static void send(HttpExchange exchange, byte[] content) throws IOException {
        int from = from(exchange);
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().add("Content-Length", String.valueOf(content.length));
            exchange.sendResponseHeaders(200, -1);
            return;
        }
        if (from >= content.length && from > 0) {
            exchange.sendResponseHeaders(416, -1);
            return;
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length == from ? -1 : content.length - from);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(Arrays.copyOfRange(content, from, content.length));
        }
    }

    /** Git's SHA-1 of a content. */
    static String gitDigest(byte[] content) {
        byte[] header = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] all = Arrays.copyOf(header, header.length + content.length);
        System.arraycopy(content, 0, all, header.length, content.length);
        return hex(all);
    }

    private static String hex(String text) {
        return hex(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String hex(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** Paths of the requests so far, which are forgotten. */
    List<String> takeCalls() {
        List<String> taken =
                calls.stream().map(call -> call.method() + " " + call.path()).collect(Collectors.toList());
        calls.clear();
        return taken;
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
        threads.shutdownNow();
    }
}
