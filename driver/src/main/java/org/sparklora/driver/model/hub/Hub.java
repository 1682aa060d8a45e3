package org.sparklora.driver.model.hub;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.apache.commons.codec.digest.DigestUtils;
import org.apache.commons.io.function.IOSupplier;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.driver.job.text.Bytes;
import org.sparklora.driver.model.hub.HubClient.Pace;
import org.sparklora.driver.model.hub.HubClient.RemoteFile;
import org.sparklora.driver.model.hub.HubClient.Revision;
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
        this(settings, new Pace(look, SILENCE, time -> LockSupport.parkNanos(time.toNanos())), status);
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
        HubCache cache = new HubCache(settings.cache, id.repository());
        String revision = id.revision().orElse(HubId.DEFAULT_REVISION);
        return inCache(() -> {
            Optional<String> known = cache.commit(revision);
            if (known.isPresent()) {
                return id.at(known.get());
            }
            requireOnline(id);
            Revision found = client.revision(id);
            cache.setCommit(revision, found.commit());
            cache.setListing(found.commit(), found.files());
            return id.at(found.commit());
        });
    }

    /** Finds the files of a repository that are read. Those that another program has downloaded are enough without a hub. */
    public Snapshot find(HubId id, HubFiles files) {
        HubId pinned = pinned(id);
        String commit = pinned.revision().orElseThrow();
        HubCache cache = new HubCache(settings.cache, id.repository());
        return inCache(() -> {
            Set<String> present = cache.present(commit);
            Optional<List<String>> wanted = cache.listing(commit).flatMap(files::of);
            if (wanted.filter(present::containsAll).isPresent()) {
                return new Snapshot(cache.snapshot(commit), wanted.get(), 0);
            }
            Optional<Snapshot> enough = files.of(present).map(names -> new Snapshot(cache.snapshot(commit), names, 0));
            if (enough.isPresent() && settings.offline) {
                return enough.get();
            }
            requireOnline(pinned);
            try {
                return cache.locked(() -> download(pinned, cache, files));
            } catch (ModelException e) {
                if (enough.isEmpty() || !e.code().equals(HubClient.UNREACHABLE)) {
                    throw e;
                }
                status.accept(e.reason() + ". Using the files in " + settings.cache);
                return enough.get();
            }
        });
    }

    private Snapshot download(HubId pinned, HubCache cache, HubFiles files) throws IOException {
        String commit = pinned.revision().orElseThrow();
        List<String> all =
                cache.listing(commit).orElseGet(() -> client.revision(pinned).files());
        cache.setListing(commit, all);
        List<String> wanted = files.of(all)
                .orElseThrow(() -> new ModelException(
                        "model.hub-missing",
                        settings.endpoint + "/" + pinned.repository() + " has no " + files.required() + " in revision "
                                + commit + "; name another repository or revision"));
        Set<String> present = cache.present(commit);
        List<RemoteFile> missing = wanted.stream()
                .filter(name -> !present.contains(name))
                .map(name -> client.file(pinned, name))
                .toList();
        List<RemoteFile> absent = missing.stream()
                .filter(file -> !Files.exists(cache.blob(file.digest())))
                .toList();
        long total = absent.stream().mapToLong(RemoteFile::bytes).sum();
        long done = 0;
        for (RemoteFile file : absent) {
            long before = done;
            fetch(
                    pinned,
                    file,
                    cache.blob(file.digest()),
                    bytes -> status.accept("downloading " + pinned.repository() + ": " + Bytes.text(before + bytes)
                            + " of " + Bytes.text(total)));
            done += file.bytes();
        }
        for (RemoteFile file : missing) {
            cache.link(commit, file.name(), file.digest());
        }
        return new Snapshot(cache.snapshot(commit), wanted, done);
    }

    /** Downloads a content. */
    private void fetch(HubId pinned, RemoteFile file, Path blob, LongConsumer watcher) throws IOException {
        Path part = Files.createDirectories(blob.getParent()).resolve(file.digest() + ".incomplete");
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
                            + settings.endpoint + " tells; check the proxies on the way, and run again");
        }
    }

    /** Git LFS names a content by its SHA-256, Git by the SHA-1 of a header and the content. */
    private static String digest(Path file, int digits) throws IOException {
        boolean ofGit = digits < 64;
        MessageDigest digest = ofGit ? DigestUtils.getSha1Digest() : DigestUtils.getSha256Digest();
        if (ofGit) {
            digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.US_ASCII));
        }
        return HexFormat.of()
                .formatHex(DigestUtils.updateDigest(digest, file.toFile()).digest());
    }

    private void requireOnline(HubId id) {
        if (settings.offline) {
            throw new ModelException(
                    HubClient.UNREACHABLE,
                    id + " is not in " + settings.cache + ", and HF_HUB_OFFLINE forbids downloads; download it on a"
                            + " machine with a network, or set HF_HOME to the folder that has it");
        }
    }

    private <T> T inCache(IOSupplier<T> work) {
        try {
            return work.get();
        } catch (IOException e) {
            throw new ModelException(
                    "model.hub-cache",
                    "the cache " + settings.cache + " cannot be used: " + e
                            + "; check its permissions and the free disk space, or set HF_HOME to another folder",
                    e);
        }
    }
}
