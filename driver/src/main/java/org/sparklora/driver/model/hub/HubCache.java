package org.sparklora.driver.model.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.io.function.IOSupplier;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.worker.machine.HostLock;

/**
 * One repository in the cache that huggingface_hub keeps (its guide "Understand caching"):
 *
 * <pre>
 * models--owner--name/blobs/DIGEST            a file's content
 * models--owner--name/snapshots/COMMIT/NAME   a link to a blob
 * models--owner--name/refs/REVISION           the commit of a branch or tag
 * models--owner--name/.no_exist/COMMIT/NAME   an empty file: the commit has no such file
 * .locks/models--owner--name/                 locks
 * </pre>
 */
record HubCache(Path root, String repository) {

    private String name() {
        return "models--" + repository.replace("/", "--");
    }

    private Path folder() {
        return root.resolve(name());
    }

    /** The commit that a branch or tag had when it was last looked up. */
    Optional<String> commit(String revision) throws IOException {
        Path ref = folder().resolve("refs").resolve(revision);
        return Files.isRegularFile(ref)
                ? Optional.of(Files.readString(ref).strip()).filter(HubId::isCommit)
                : Optional.empty();
    }

    /** Remembers the commit of a branch or tag. */
    void setCommit(String revision, String commit) throws IOException {
        Path ref = folder().resolve("refs").resolve(revision);
        Files.createDirectories(ref.getParent());
        Path part = Files.createTempFile(ref.getParent(), "ref", ".incomplete");
        Files.move(Files.writeString(part, commit), ref, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The directory with the files of a commit. */
    Path snapshot(String commit) {
        return folder().resolve("snapshots").resolve(commit);
    }

    /** Names of the files of a commit that are here. */
    Set<String> present(String commit) throws IOException {
        return names(snapshot(commit));
    }

    /** Names of files that a commit does not have. */
    Set<String> absent(String commit) throws IOException {
        return names(absentFolder(commit));
    }

    /** Remembers that a commit does not have a file. */
    void setAbsent(String commit, String file) throws IOException {
        Path marker = Files.createDirectories(absentFolder(commit)).resolve(file);
        if (!Files.exists(marker)) {
            Files.createFile(marker);
        }
    }

    private Path absentFolder(String commit) {
        return folder().resolve(".no_exist").resolve(commit);
    }

    /** Names of files, without links to blobs that were deleted. */
    private static Set<String> names(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return Set.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> file.getFileName().toString())
                    .collect(Collectors.toSet());
        }
    }

    /** Whether the content with a digest is here, under whatever name. */
    boolean has(String digest) {
        return Files.exists(folder().resolve("blobs").resolve(digest));
    }

    /** Where the content with a digest is or will be. */
    Path blob(String digest) throws IOException {
        return Files.createDirectories(folder().resolve("blobs")).resolve(digest);
    }

    /** Gives a content its name in a commit. */
    void link(String commit, String file, String digest) throws IOException {
        Path link = Files.createDirectories(snapshot(commit)).resolve(file);
        if (Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
            Files.delete(link);
        }
        Files.createSymbolicLink(link, Path.of("..", "..", "blobs", digest));
    }

    /** Downloads once per host. huggingface_hub's own locks are of another kind; it writes to other files. */
    <T> T locked(IOSupplier<T> work) throws IOException {
        Path locks = Files.createDirectories(root.resolve(".locks").resolve(name()));
        return HostLock.locked(locks.resolve("spark-lora.lock"), work);
    }
}
