package org.sparklora.driver.model.hub;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.sparklora.worker.encoder.ModelException;

/**
 * The environment variables that huggingface_hub reads (its guide "Environment variables"), with its defaults. Not a record, whose
 * text would show the token.
 */
public final class HubSettings {

    private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");

    /** The hub's address, without a slash at the end. */
    final URI endpoint;

    /** The folder of the repositories on this host. */
    final Path cache;

    /** Whether the cache alone may be used. */
    final boolean offline;

    private final Path tokenFile;
    private final Optional<String> token;

    /** @param variables of the process, or of a test */
    public HubSettings(Map<String, String> variables) {
        String userCache = variables.getOrDefault("XDG_CACHE_HOME", "~/.cache");
        Path home = path(first(variables, "HF_HOME").orElse(userCache + "/huggingface"));
        this.endpoint = address(first(variables, "HF_ENDPOINT").orElse("https://huggingface.co"));
        this.cache = first(variables, "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
                .map(HubSettings::path)
                .orElse(home.resolve("hub"));
        this.tokenFile =
                first(variables, "HF_TOKEN_PATH").map(HubSettings::path).orElse(home.resolve("token"));
        this.token = first(variables, "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
        this.offline = first(variables, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
                .filter(value -> TRUE.contains(value.toUpperCase(Locale.ROOT)))
                .isPresent();
    }

    private static Optional<String> first(Map<String, String> variables, String... names) {
        return Stream.of(names)
                .map(name -> variables.getOrDefault(name, "").strip())
                .filter(value -> !value.isEmpty())
                .findFirst();
    }

    /** Not shown if it is wrong, because it may hold a password. */
    private static URI address(String text) {
        try {
            URI address = new URI(text.replaceFirst("/+$", ""));
            if (Set.of("http", "https").contains(String.valueOf(address.getScheme()))
                    && address.getHost() != null
                    && address.getUserInfo() == null) {
                return address;
            }
        } catch (URISyntaxException e) {
            // As below.
        }
        throw new ModelException(
                "model.hub-answer",
                "HF_ENDPOINT is not an address such as https://huggingface.co, without a user; correct it");
    }

    private static Path path(String text) {
        return Path.of(text.replaceFirst("^~(?=/|$)", System.getProperty("user.home")))
                .toAbsolutePath()
                .normalize();
    }

    /** The user's token, which is read when it is needed. */
    Optional<String> token() throws IOException {
        Optional<String> found = token.isPresent() || !Files.isReadable(tokenFile)
                ? token
                : Optional.of(Files.readString(tokenFile).strip()).filter(text -> !text.isEmpty());
        if (found.filter(text -> !text.matches("[!-~]+")).isPresent()) {
            // The HTTP client would refuse it with a message that shows it.
            throw new ModelException(
                    "model.hub-denied",
                    "HF_TOKEN or " + tokenFile
                            + " holds something that is no token: it has spaces or other characters; correct it");
        }
        return found;
    }
}
