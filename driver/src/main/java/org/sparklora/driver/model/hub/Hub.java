package org.sparklora.driver.model.hub;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.apache.commons.io.function.IOSupplier;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.model.hub.HubClient.Pace;
import org.sparklora.driver.model.hub.HubClient.RemoteFile;
import org.sparklora.driver.model.hub.HubClient.Revision;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.encoder.ModelException;

/**
 * Finds repositories in huggingface_hub's cache, or downloads them into it. What is in the cache is used without asking the hub: a
 * branch stays at the commit that it had when it was first looked up.
 *
 * <p>Throws ModelException with a code that begins with {@code model.hub-}.
 */
public final class Hub {

    private static final Duration SILENCE = Duration.ofMinutes(1);

    private final HubSettings settings;
    private final HubClient client;
    private final Consumer<String> status;

    /**
     * @param look how often a download's progress is shown
     * @param status shows it
     */
    public Hub(HubSettings settings, Duration look, Consumer<String> status) {
        this(settings, new Pace(look, SILENCE, time -> TimeUnit.MILLISECONDS.sleep(time.toMillis())), status);
    }

    Hub(HubSettings settings, Pace pace, Consumer<String> status) {
        this.settings = settings;
        this.client = new HubClient(settings, pace);
        this.status = status;
    }

    /**
     * A repository's directory on this host.
     *
     * @param files the names of the files that are read
     * @param downloaded bytes that were not here before
     */
    public record Snapshot(Path directory, List<String> files, long downloaded) {}

    /** The same repository with the commit of its revision. */
    public HubId pinned(HubId id) {
        if (id.isPinned()) {
            return id;
        }
        HubCache cache = new HubCache(settings.cache(), id.repository());
        String revision = id.revision().orElse(HubId.DEFAULT_REVISION);
        return inCache(() -> {
            Optional<String> known = cache.commit(revision);
            if (known.isPresent()) {
                return id.at(known.get());
            }
            requireOnline(id);
            Revision found = client.revision(id);
            cache.setCommit(revision, found.commit());
            return id.at(found.commit());
        });
    }

    /** Finds the files of a repository that are read. */
    public Snapshot find(HubId id, HubFiles files) {
        HubId pinned = pinned(id);
        String commit = pinned.revision().orElseThrow();
        HubCache cache = new HubCache(settings.cache(), id.repository());
        return inCache(() -> {
            long downloaded = 0;
            if (!files.complete(cache.present(commit), cache.absent(commit))) {
                boolean enough = files.of(cache.present(commit)).isPresent();
                if (!(enough && settings.offline())) {
                    requireOnline(pinned);
                    downloaded = downloadOr(enough, pinned, cache, files);
                }
            }
            return new Snapshot(
                    cache.snapshot(commit), files.of(cache.present(commit)).orElseThrow(), downloaded);
        });
    }

    /** @param enough whether the cache has enough to go on if the hub cannot be reached */
    private long downloadOr(boolean enough, HubId pinned, HubCache cache, HubFiles files) throws IOException {
        try {
            return cache.locked(() -> download(pinned, cache, files));
        } catch (ModelException e) {
            if (enough && e.code().equals(HubClient.UNREACHABLE)) {
                status.accept(e.reason() + ". Using the files in " + settings.cache());
                return 0;
            }
            throw e;
        }
    }

    private long download(HubId pinned, HubCache cache, HubFiles files) throws IOException {
        String commit = pinned.revision().orElseThrow();
        Set<String> present = cache.present(commit);
        if (files.complete(present, cache.absent(commit))) {
            return 0; // Another process was first.
        }
        List<String> all = client.revision(pinned).files();
        List<RemoteFile> missing = files
                .of(all)
                .orElseThrow(() -> new ModelException(
                        "model.hub-missing",
                        settings.endpoint() + "/" + pinned.repository() + " has no " + files.required()
                                + " in revision " + commit + "; name another repository or revision"))
                .stream()
                .filter(name -> !present.contains(name))
                .map(name -> client.file(pinned, name))
                .toList();
        long total = missing.stream()
                .filter(file -> !cache.has(file.digest()))
                .mapToLong(RemoteFile::bytes)
                .sum();
        long done = 0;
        for (RemoteFile file : missing) {
            long before = done;
            if (!cache.has(file.digest())) {
                fetch(
                        pinned,
                        file,
                        cache.blob(file.digest()),
                        bytes -> status.accept("downloading " + pinned.repository() + ": " + Bytes.text(before + bytes)
                                + " of " + Bytes.text(total)));
                done += file.bytes();
            }
            cache.link(commit, file.name(), file.digest());
        }
        for (String name : files.deciding()) {
            if (!all.contains(name)) {
                cache.setAbsent(commit, name);
            }
        }
        return done;
    }

    /** Downloads a content. */
    private void fetch(HubId pinned, RemoteFile file, Path blob, LongConsumer watcher) throws IOException {
        Path part = blob.resolveSibling(file.digest() + ".incomplete");
        // Twice: the first bytes may be the remains of a broken download that were not right.
        for (int tries = 0; tries < 2 && !Files.exists(blob); tries++) {
            client.download(pinned, file, part, watcher);
            if (digest(part, file.digest().length()).equals(file.digest())) {
                Files.move(part, blob, StandardCopyOption.ATOMIC_MOVE);
            } else {
                Files.delete(part);
            }
        }
        if (!Files.exists(blob)) {
            throw new ModelException(
                    "model.hub-damaged",
                    file.name() + " of " + pinned + " does not have the digest " + file.digest() + " that "
                            + settings.endpoint() + " tells; check the proxies on the way, and run again");
        }
    }

    /** Git LFS names a content by its SHA-256, Git by the SHA-1 of a header and the content. */
    private static String digest(Path file, int digits) throws IOException {
        MessageDigest digest = digits == 64 ? Sha256.digest() : sha1();
        if (digits != 64) {
            digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha1() {
        try {
            return MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java runtime lacks SHA-1, which every Java runtime must have", e);
        }
    }

    private void requireOnline(HubId id) {
        if (settings.offline()) {
            throw new ModelException(
                    HubClient.UNREACHABLE,
                    id + " is not in " + settings.cache() + ", and HF_HUB_OFFLINE forbids downloads; download it on a"
                            + " machine with a network, or set HF_HOME to the folder that has it");
        }
    }

    private <T> T inCache(IOSupplier<T> work) {
        try {
            return work.get();
        } catch (IOException e) {
            throw new ModelException(
                    "model.hub-cache",
                    "the cache " + settings.cache() + " cannot be used: " + e
                            + "; check its permissions and the free disk space, or set HF_HOME to another folder",
                    e);
        }
    }
}
