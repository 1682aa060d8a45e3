package org.sparklora.driver.watch.tracking;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server that points elsewhere must not get the credentials there: the JDK's client would send them along. */
class MlflowClientTest {

    private final List<String> elsewhere = new CopyOnWriteArrayList<>();
    private HttpServer server;
    private HttpServer other;

    @BeforeEach
    void start() throws IOException {
        other = listening();
        other.createContext("/", exchange -> {
            elsewhere.add(String.valueOf(exchange.getRequestHeaders().get("Authorization")));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        server = listening();
        other.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
        other.stop(0);
    }

    private static HttpServer listening() throws IOException {
        return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    }

    private static String address(HttpServer server) {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    @ParameterizedTest
    @ValueSource(ints = {301, 302, 307, 308})
    void aRedirectIsNotFollowedButNamed(int status) {
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("Location", address(other) + "/stolen");
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        server.start();
        MlflowClient client = new MlflowClient(address(server), Map.of("MLFLOW_TRACKING_TOKEN", "hush"));
        assertThatThrownBy(() -> client.find("experiments/get-by-name", "experiment_name", "x"))
                .hasMessageContainingAll(String.valueOf(status), address(other) + "/stolen", "tracking.mlflow")
                .hasMessageNotContaining("hush");
        assertThatThrownBy(() -> client.post("runs/create", Map.of())).hasMessageContaining(address(other));
        assertThat(elsewhere).isEmpty();
    }
}
