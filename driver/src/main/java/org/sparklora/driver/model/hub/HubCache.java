package org.sparklora.driver.model.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
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
 * models--owner--name/.listings/COMMIT        our own: the names of all files of the commit, one a line
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
        write(folder().resolve("refs").resolve(revision), commit);
    }

    /** The names of all files of a commit, if the hub has told them. */
    Optional<List<String>> listing(String commit) throws IOException {
        Path listing = folder().resolve(".listings").resolve(commit);
        return Files.isRegularFile(listing) ? Optional.of(Files.readAllLines(listing)) : Optional.empty();
    }

    /** Remembers the names of all files of a commit. */
    void setListing(String commit, List<String> names) throws IOException {
        write(folder().resolve(".listings").resolve(commit), String.join("\n", names));
    }

    private static void write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Path part = Files.createTempFile(file.getParent(), "part", ".incomplete");
        Files.move(Files.writeString(part, text), file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The directory with the files of a commit. */
    Path snapshot(String commit) {
        return folder().resolve("snapshots").resolve(commit);
    }

    /** Names of the files of a commit that are here, without links to blobs that were deleted. */
    Set<String> present(String commit) throws IOException {
        if (!Files.isDirectory(snapshot(commit))) {
            return Set.of();
        }
        try (Stream<Path> files = Files.list(snapshot(commit))) {
            return files.filter(Files::isRegularFile)
                    .map(file -> file.getFileName().toString())
                    .collect(Collectors.toSet());
        }
    }

    /** Where the content with a digest is or will be. */
    Path blob(String digest) {
        return folder().resolve("blobs").resolve(digest);
    }

    /** Gives a content its name in a commit. */
    void link(String commit, String file, String digest) throws IOException {
        Path link = Files.createDirectories(snapshot(commit)).resolve(file);
        Files.deleteIfExists(link);
        Files.createSymbolicLink(link, Path.of("..", "..", "blobs", digest));
    }

    /** Downloads once per host. huggingface_hub's own locks are of another kind; it writes to other files. */
    <T> T locked(IOSupplier<T> work) throws IOException {
        Path locks = Files.createDirectories(root.resolve(".locks").resolve(name()));
        return HostLock.locked(locks.resolve("spark-lora.lock"), work);
    }
}
