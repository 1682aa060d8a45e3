package org.sparklora.driver.watch.tracking;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

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
            return Optional.of(folder(Path.of(address)));
        }
        URI uri = URI.create(address.replace(" ", "%20"));
        String scheme = uri.getScheme() == null ? "" : uri.getScheme();
        return switch (scheme) {
            case "mlflow-artifacts" -> {
                String host = uri.getRawAuthority() == null
                        ? client.server()
                        : URI.create(client.server()).getScheme() + "://" + uri.getRawAuthority();
                yield Optional.of(http(MlflowClient.artifactProxy(host) + uri.getRawPath(), client));
            }
            case "http", "https" -> Optional.of(http(address, client));
            case "file" -> Optional.of(folder(Path.of(uri.getPath())));
            default -> Optional.empty();
        };
    }

    private static ArtifactStore http(String root, MlflowClient client) {
        return (name, bytes) -> client.put(URI.create(root + "/" + encoded(name)), bytes);
    }

    private static String encoded(String name) {
        try {
            return new URI(null, null, "/" + name, null).getRawPath().substring(1);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("'" + name + "' is not a file name", e);
        }
    }

    private static ArtifactStore folder(Path root) {
        return (name, bytes) -> {
            Path file = root.resolve(name);
            Files.createDirectories(file.resolveSibling("."));
            Files.write(file, bytes);
        };
    }
}
