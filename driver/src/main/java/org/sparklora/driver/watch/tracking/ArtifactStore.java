package org.sparklora.driver.watch.tracking;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.commons.io.FileUtils;

/** Stores a run's files at the {@code artifact_uri} that MLflow assigns to the run. */
@FunctionalInterface
interface ArtifactStore {

    /** Writes a file; {@code /} separates the parts of its name. */
    void write(String name, byte[] bytes) throws IOException, InterruptedException;

    /**
     * Opens the store of an address: the tracking server itself ({@code mlflow-artifacts:}), another HTTP server or a folder.
     *
     * @return empty for cloud stores, which need their own clients
     */
    static Optional<ArtifactStore> of(String address, MlflowClient client) {
        if (address.startsWith("/")) {
            return Optional.of(folder(address));
        }
        URI uri = URI.create(address.replace(" ", "%20"));
        return switch (String.valueOf(uri.getScheme())) {
            case "mlflow-artifacts" -> {
                String host = uri.getRawAuthority() == null
                        ? client.server()
                        : URI.create(client.server()).getScheme() + "://" + uri.getRawAuthority();
                yield Optional.of(http(host + "/api/2.0/mlflow-artifacts/artifacts" + uri.getRawPath(), client));
            }
            case "http", "https" -> Optional.of(http(address, client));
            case "file" -> Optional.of(folder(uri.getPath()));
            default -> Optional.empty();
        };
    }

    private static ArtifactStore http(String root, MlflowClient client) {
        return (name, bytes) -> {
            // Spaces as in a path, and the slashes between folders.
            String encoded = URLEncoder.encode(name, StandardCharsets.UTF_8)
                    .replace("+", "%20")
                    .replace("%2F", "/");
            client.put(URI.create(root + "/" + encoded), bytes);
        };
    }

    private static ArtifactStore folder(String root) {
        return (name, bytes) -> FileUtils.writeByteArrayToFile(new File(root, name), bytes);
    }
}
