package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;

/**
 * A tracking server on loopback that checks MLflow's documented REST API 2.0: methods, content type, required fields and their
 * types, characters of keys, batch limits, immutable parameters, errors with {@code error_code}. It stores metrics like MLflow's
 * database: equal points are stored once, and a run's {@code metrics} are the newest of each key.
 */
public final class MlflowServer implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern KEY = Pattern.compile("[A-Za-z0-9_\\-. :/]{1,250}");
    private static final String API = "/api/2.0/mlflow/";
    private static final String PROXY = "/api/2.0/mlflow-artifacts/artifacts/";

    /** A metric's value at a step. */
    public record Point(String key, double value, long timestamp, long step) {}

    /** A stored run. */
    public static final class Run {
        public String status = "RUNNING";
        public String stage = "active";
        public long endTime;
        public final SortedMap<String, String> params = new TreeMap<>();
        public final SortedMap<String, String> tags = new TreeMap<>();
        public final List<Point> points = new ArrayList<>();

        /** The values of a metric by step, one for each step. */
        public SortedMap<Long, Double> metric(String key) {
            SortedMap<Long, Double> values = new TreeMap<>();
            for (Point point : points) {
                if (point.key().equals(key) && values.put(point.step(), point.value()) != null) {
                    throw new AssertionError(key + " is logged twice at step " + point.step());
                }
            }
            return values;
        }
    }

    /** An error answer. */
    private static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final int status;
        private final String code;

        private Refusal(int status, String code, String message) {
            super(message);
            this.status = status;
            this.code = code;
        }
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();

    /** Experiments by name; true if deleted. */
    public final Map<String, Boolean> experiments = new LinkedHashMap<>();

    public final Map<String, Run> runs = new LinkedHashMap<>();
    public final SortedMap<String, byte[]> artifacts = new TreeMap<>();

    /** Every call: METHOD and path below the API. */
    public final List<String> calls = new ArrayList<>();

    /** Violations of the protocol. */
    public final List<String> violations = new ArrayList<>();

    /** The required credentials; empty: none. */
    public volatile String authorization = "";

    /** Address of artifacts, without the run id. */
    public volatile String artifactRoot = "mlflow-artifacts:/1";

    /** How many of the next calls get status 503. */
    private int unavailable;

    public MlflowServer() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        experiments.put("Default", false);
        server.createContext("/", this::answer);
        server.setExecutor(threads);
        server.start();
    }

    /** The server's address. */
    public String uri() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    /** Answers the next calls with 503, like a proxy whose server is down. */
    public synchronized void unavailableFor(int nextCalls) {
        unavailable = nextCalls;
    }

    /** The only run. */
    public synchronized Run run() {
        if (runs.size() != 1) {
            throw new AssertionError("runs: " + runs.keySet());
        }
        return runs.values().iterator().next();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    private synchronized void answer(HttpExchange exchange) throws IOException {
        int status = 200;
        String body;
        try {
            String path = exchange.getRequestURI().getPath();
            calls.add(exchange.getRequestMethod() + " " + path.replaceFirst("^/api/2.0/(mlflow/)?", ""));
            if (unavailable > 0) {
                unavailable--;
                status = 503;
                body = "<html>away</html>";
            } else {
                body = JSON.writeValueAsString(result(exchange, path));
            }
        } catch (Refusal e) {
            status = e.status;
            body = JSON.writeValueAsString(Map.of("error_code", e.code, "message", String.valueOf(e.getMessage())));
        }
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    private Object result(HttpExchange exchange, String path) throws IOException {
        if (!authorization.isEmpty()
                && !authorization.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            throw new Refusal(401, "UNAUTHENTICATED", "who are you?");
        }
        byte[] bytes = exchange.getRequestBody().readAllBytes();
        if (path.startsWith(PROXY)) {
            require(exchange.getRequestMethod().equals("PUT"), "artifacts are uploaded with PUT");
            artifacts.put(path.substring(PROXY.length()), bytes);
            return Map.of();
        }
        require(path.startsWith(API), "no path of the API: " + path);
        String call = path.substring(API.length());
        if (exchange.getRequestMethod().equals("GET")) {
            return asked(call, exchange.getRequestURI().getRawQuery());
        }
        require("application/json".equals(exchange.getRequestHeaders().getFirst("Content-Type")), "POST needs JSON");
        require(bytes.length <= 1_000_000, "a request has at most 1 MB");
        return told(call, JSON.readTree(bytes));
    }

    private Object asked(String call, String query) {
        String[] pair = query.split("=", 2);
        String value = URLDecoder.decode(pair[1], StandardCharsets.UTF_8);
        switch (call) {
            case "experiments/get-by-name" -> {
                require(pair[0].equals("experiment_name"), "experiment_name is missing");
                if (!experiments.containsKey(value)) {
                    throw new Refusal(404, "RESOURCE_DOES_NOT_EXIST", "no experiment '" + value + "'");
                }
                return Map.of(
                        "experiment",
                        Map.of(
                                "experiment_id",
                                id(value),
                                "name",
                                value,
                                "lifecycle_stage",
                                experiments.get(value) ? "deleted" : "active"));
            }
            case "runs/get" -> {
                require(pair[0].equals("run_id"), "run_id is missing");
                return Map.of("run", run(value, found(value)));
            }
            default -> throw violation("GET " + call);
        }
    }

    private String id(String experiment) {
        return String.valueOf(new ArrayList<>(experiments.keySet()).indexOf(experiment));
    }

    private Run found(String id) {
        Run run = runs.get(id);
        if (run == null) {
            throw new Refusal(404, "RESOURCE_DOES_NOT_EXIST", "no run '" + id + "'");
        }
        return run;
    }

    private Object told(String call, JsonNode body) {
        switch (call) {
            case "experiments/create" -> {
                String name = text(body, "name");
                if (experiments.containsKey(name)) {
                    throw new Refusal(400, "RESOURCE_ALREADY_EXISTS", "experiment '" + name + "' is there");
                }
                experiments.put(name, false);
                return Map.of("experiment_id", id(name));
            }
            case "runs/create" -> {
                require(body.path("start_time").isIntegralNumber(), "start_time is in milliseconds");
                require(Integer.parseInt(text(body, "experiment_id")) < experiments.size(), "no such experiment");
                Run run = new Run();
                body.path("tags").forEach(tag -> run.tags.put(key(tag), text(tag, "value")));
                String id = String.format(java.util.Locale.ROOT, "%032x", 0xabc00 + runs.size());
                runs.put(id, run);
                return Map.of("run", run(id, run));
            }
            case "runs/update" -> {
                Run run = found(text(body, "run_id"));
                run.status = text(body, "status");
                require(
                        List.of("RUNNING", "FINISHED", "FAILED", "KILLED").contains(run.status),
                        "no status: " + run.status);
                run.endTime = body.path("end_time").asLong();
                return Map.of("run_info", Map.of("run_id", text(body, "run_id")));
            }
            case "runs/log-batch" -> {
                logBatch(found(text(body, "run_id")), body);
                return Map.of();
            }
            default -> throw violation("POST " + call);
        }
    }

    private void logBatch(Run run, JsonNode body) {
        require(body.path("metrics").size() <= 1000, "at most 1000 metrics");
        require(body.path("params").size() <= 100, "at most 100 params");
        require(body.path("tags").size() <= 100, "at most 100 tags");
        body.path("params").forEach(param -> {
            String value = text(param, "value");
            require(value.length() <= 500, "a param has at most 500 characters");
            String before = run.params.putIfAbsent(key(param), value);
            if (before != null && !before.equals(value)) {
                throw new Refusal(400, "INVALID_PARAMETER_VALUE", "param '" + key(param) + "' was " + before);
            }
        });
        body.path("tags").forEach(tag -> run.tags.put(key(tag), text(tag, "value")));
        body.path("metrics").forEach(metric -> {
            require(metric.path("value").isNumber(), "a value is a number");
            require(metric.path("timestamp").isIntegralNumber(), "a timestamp is in milliseconds");
            require(metric.path("step").isIntegralNumber(), "a step is whole");
            Point point = new Point(
                    key(metric),
                    metric.get("value").asDouble(),
                    metric.get("timestamp").asLong(),
                    metric.get("step").asLong());
            if (!run.points.contains(point)) {
                run.points.add(point);
            }
        });
    }

    private Map<String, Object> run(String id, Run run) {
        Map<String, Point> newest = new TreeMap<>();
        run.points.forEach(point -> newest.merge(point.key(), point, (a, b) -> b.step() >= a.step() ? b : a));
        List<Map<String, Object>> params = new ArrayList<>();
        run.params.forEach((key, value) -> params.add(Map.of("key", key, "value", value)));
        return Map.of(
                "info",
                Map.of(
                        "run_id",
                        id,
                        "status",
                        run.status,
                        "lifecycle_stage",
                        run.stage,
                        "artifact_uri",
                        artifactRoot + "/" + id + "/artifacts"),
                "data",
                Map.of("metrics", newest.values(), "params", params));
    }

    private String key(JsonNode entry) {
        String key = text(entry, "key");
        require(KEY.matcher(key).matches(), "no key: " + key);
        return key;
    }

    private String text(JsonNode body, String field) {
        require(body.path(field).isTextual(), field + " is no text in " + body);
        return body.path(field).asText();
    }

    private void require(boolean holds, String rule) {
        if (!holds) {
            throw violation(rule);
        }
    }

    private Refusal violation(String rule) {
        violations.add(rule);
        return new Refusal(400, "INVALID_PARAMETER_VALUE", rule);
    }
}
