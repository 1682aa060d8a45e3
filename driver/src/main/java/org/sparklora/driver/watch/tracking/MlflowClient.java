package org.sparklora.driver.watch.tracking;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A client of MLflow's REST API 2.0 (mlflow.org, "REST API").
 *
 * <p>It authenticates with the variables that MLflow's own clients read: {@code MLFLOW_TRACKING_TOKEN}, or {@code
 * MLFLOW_TRACKING_USERNAME} and {@code MLFLOW_TRACKING_PASSWORD}.
 */
final class MlflowClient {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String API = "/api/2.0/mlflow/";
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(4);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(10);

    private final String server;
    private final Optional<String> authorization;
    private final HttpClient http = HttpClient.newBuilder()
            // Python servers use HTTP/1.1, and some proxies before them fail on an upgrade to HTTP/2.
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT)
            // A client that follows a redirect sends the credentials to wherever it points.
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();

    /**
     * @param server address such as {@code http://host:5000}; it may have a path, for example behind a proxy
     */
    MlflowClient(String server, Map<String, String> environment) {
        this.server = server.replaceFirst("/+$", "");
        this.authorization = authorization(environment);
    }

    private static Optional<String> authorization(Map<String, String> environment) {
        String token = environment.get("MLFLOW_TRACKING_TOKEN");
        if (token != null) {
            return Optional.of("Bearer " + token);
        }
        String user = environment.get("MLFLOW_TRACKING_USERNAME");
        String password = environment.get("MLFLOW_TRACKING_PASSWORD");
        return user == null || password == null
                ? Optional.empty()
                : Optional.of("Basic "
                        + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8)));
    }

    /** An answer with an error status. */
    static final class ErrorAnswer extends IOException {

        private static final long serialVersionUID = 1L;

        /** MLflow's {@code error_code}; empty if the answer is not from MLflow. */
        final String code;

        /** Whether the same call may succeed later. */
        final boolean isTransient;

        private ErrorAnswer(int status, String code, String message) {
            super(message);
            this.code = code;
            this.isTransient = status >= 500 || status == 429;
        }
    }

    /** Sends a GET with one parameter; empty if MLflow knows no such thing. */
    Optional<JsonNode> find(String call, String key, String value) throws IOException, InterruptedException {
        String query = key + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8);
        try {
            HttpRequest.Builder request = request(URI.create(server + API + call + "?" + query));
            return Optional.of(json(request.GET()));
        } catch (ErrorAnswer e) {
            if (e.code.equals("RESOURCE_DOES_NOT_EXIST")) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Sends a POST. */
    JsonNode post(String call, Map<String, Object> body) throws IOException, InterruptedException {
        return json(request(URI.create(server + API + call))
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofByteArray(JSON.writeValueAsBytes(body))));
    }

    /** Uploads a file. */
    void put(URI to, byte[] bytes) throws IOException, InterruptedException {
        json(request(to).header("Content-Type", "application/octet-stream").PUT(BodyPublishers.ofByteArray(bytes)));
    }

    /** A parameter or a tag. */
    record Pair(String key, String value) {}

    /** Keys and values in MLflow's form for parameters and tags, sorted by key. */
    static List<Pair> pairs(Map<String, String> values) {
        return new TreeMap<>(values)
                .entrySet().stream()
                        .map(e -> new Pair(e.getKey(), e.getValue()))
                        .toList();
    }

    /** The server's address without a trailing slash. */
    String server() {
        return server;
    }

    private HttpRequest.Builder request(URI uri) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(ANSWER_TIMEOUT);
        // Never send the credentials to another host, such as an artifact store.
        if (uri.toString().startsWith(server + "/")) {
            authorization.ifPresent(value -> request.header("Authorization", value));
        }
        return request;
    }

    private JsonNode json(HttpRequest.Builder request) throws IOException, InterruptedException {
        HttpResponse<String> answer =
                http.send(request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
        JsonNode body = parse(answer.body());
        if (answer.statusCode() / 100 == 2) {
            return body;
        }
        String message = answer.statusCode() / 100 == 3
                ? "a redirect to " + answer.headers().firstValue("Location").orElse("nowhere")
                        + ", which is not followed, since it would take the credentials along; set tracking.mlflow to the"
                        + " server's own address"
                : body.path("message").asText("");
        throw new ErrorAnswer(
                answer.statusCode(),
                body.path("error_code").asText(""),
                answer.request().uri().getPath() + " returned " + answer.statusCode()
                        + (message.isEmpty() ? "" : ": " + message));
    }

    private static JsonNode parse(String body) {
        try {
            return JSON.readTree(body);
        } catch (JsonProcessingException e) {
            return MissingNode.getInstance(); // A proxy answered, not MLflow.
        }
    }
}
