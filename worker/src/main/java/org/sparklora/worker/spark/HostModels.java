package org.sparklora.worker.spark;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.inference.TrainedModel;

/**
 * The copies that this host keeps of directories on remote file systems. A copy is named by the digests of its files and made
 * once: under a lock that all processes of the host take, into a folder that gets its name when every file has the digest that
 * it should have. So what is there is whole, and a changed model is another copy.
 *
 * <p>They lie in {@value #DIRECTORY}; by default in the application's local directory on YARN, which YARN removes with the
 * application, else in the user's own folder in the temporary directory, for the next run too.
 */
public final class HostModels {

    /** Spark's setting of where copies lie. */
    public static final String DIRECTORY = "spark.lora.modelDirectory";

    private static final String BY_LISTING = ".sha256";

    private static final Set<Path> SEEN_WHOLE = ConcurrentHashMap.newKeySet();

    /** A file's lock is its process's. */
    private static final ReentrantLock IN_THIS_JVM = new ReentrantLock();

    private final Path root;
    private final Configuration hadoop;

    private HostModels(Path root, Configuration hadoop) {
        this.root = root;
        this.hadoop = hadoop;
    }

    /** The copies under these settings. */
    public static HostModels of(SparkConf spark) {
        return new HostModels(root(spark), SparkHadoopUtil.get().newConfiguration(spark));
    }

    private static Path root(SparkConf spark) {
        Optional<String> yarn = Optional.ofNullable(System.getenv("LOCAL_DIRS"))
                .map(directories -> Path.of(directories.split(",", 2)[0], "spark-lora-models")
                        .toString());
        String byDefault = yarn.orElseGet(() -> Path.of(
                        System.getProperty("java.io.tmpdir"), "spark-lora-models-" + System.getProperty("user.name"))
                .toString());
        return Path.of(spark.get(DIRECTORY, byDefault)).toAbsolutePath();
    }

    /**
     * A copy on this host.
     *
     * @param here its directory
     * @param source for the other hosts
     * @param copiedBytes of it that were copied now; 0 if it was there already
     */
    public record Copy(Path here, ModelSource source, long copiedBytes) {}

    /** The model's directory on this executor's host, copied if need be. */
    public static Path directory(ModelSource source) {
        return source.isCopied() ? of(SparkEnv.get().conf()).copyOf(source) : Path.of(source.location());
    }

    /** The same model, its base on this executor's host. */
    public static TrainedModel here(TrainedModel model) {
        return model.withBaseIn(directory(model.base().source()).toString());
    }

    /** The files of which a Hugging Face model is read: all that is not weights, and weights of one kind. */
    public Copy model(String location) {
        return copy(location, files -> {
            boolean safetensors = files.stream()
                    .anyMatch(f -> f.getPath().getName().matches("model.*\\.safetensors(\\.index\\.json)?"));
            String weights = safetensors ? "model.*\\.safetensors" : "pytorch_model.*\\.bin";
            return file -> file.matches(weights + "|.*\\.(json|txt)");
        });
    }

    /** The files of a PEFT adapter. */
    public Copy adapter(String location) {
        return copy(location, files -> file -> file.matches("adapter_.*|.*\\.json"));
    }

    /** Decides by all files of a directory which of their names are wanted. */
    @FunctionalInterface
    private interface Choice {
        Predicate<String> of(List<FileStatus> files);
    }

    /** For the driver, which does not know the digests yet. What it copied before is told by names, lengths and times. */
    private Copy copy(String location, Choice choice) {
        List<FileStatus> files = files(location, choice);
        StringBuilder listing = new StringBuilder(location);
        for (FileStatus file : files) {
            listing.append('\n').append(file.getPath()).append(' ');
            listing.append(file.getLen()).append(' ').append(file.getModificationTime());
        }
        Path known = root.resolve(Sha256.hex(listing.toString()) + BY_LISTING);
        return locked(location, () -> {
            if (Files.exists(known)) {
                SortedMap<String, String> sha256 = digests(Files.readAllLines(known));
                if (Files.isDirectory(named(sha256))) {
                    return new Copy(named(sha256), new ModelSource(location, sha256), 0);
                }
            }
            SortedMap<String, String> sha256 = fetch(location, files);
            Files.writeString(known, text(sha256));
            long bytes = files.stream().mapToLong(FileStatus::getLen).sum();
            return new Copy(named(sha256), new ModelSource(location, sha256), bytes);
        });
    }

    /** For executors, which copy what the driver saw. Each task asks, so what this JVM has seen whole needs no lock. */
    Path copyOf(ModelSource source) {
        Path there = named(source.sha256());
        if (SEEN_WHOLE.contains(there)) {
            return there;
        }
        return locked(source.location(), () -> {
            if (!Files.isDirectory(there)) {
                SortedMap<String, String> copied = fetch(
                        source.location(),
                        files(source.location(), all -> name -> source.sha256().containsKey(name)));
                if (!copied.equals(source.sha256())) {
                    throw new ModelException("model.changed", source.location() + " has changed since the driver read it: "
                            + difference(source.sha256(), copied) + "; start again, and leave it as it is meanwhile");
                }
            }
            SEEN_WHOLE.add(there);
            return there;
        });
    }

    private static String difference(Map<String, String> expected, Map<String, String> found) {
        return expected.entrySet().stream()
                .filter(file -> !file.getValue().equals(found.get(file.getKey())))
                .map(file -> file.getKey() + (found.containsKey(file.getKey()) ? " is another" : " is gone"))
                .findFirst()
                .orElse("there are more files");
    }

    private List<FileStatus> files(String location, Choice choice) {
        try {
            org.apache.hadoop.fs.Path directory = new org.apache.hadoop.fs.Path(location);
            FileSystem system = directory.getFileSystem(hadoop);
            List<FileStatus> all = Arrays.stream(system.listStatus(directory))
                    .filter(FileStatus::isFile)
                    .sorted(Comparator.comparing(f -> f.getPath().getName()))
                    .toList();
            Predicate<String> wanted = choice.of(all);
            return all.stream().filter(f -> wanted.test(f.getPath().getName())).toList();
        } catch (IOException | RuntimeException e) {
            // Hadoop reports a class that is not there by a bare RuntimeException.
            throw new ModelException(
                    "model.unreachable",
                    location + " cannot be listed: " + e
                            + "; check the address, and that the file system's jars are on the class path (--packages)",
                    e);
        }
    }

    /** Copies files, gives the copy its name, and returns the digests. */
    private SortedMap<String, String> fetch(String location, List<FileStatus> files) throws IOException {
        Path part = root.resolve("part");
        FileUtil.fullyDelete(part.toFile());
        Files.createDirectory(part);
        SortedMap<String, String> sha256 = new TreeMap<>();
        FileSystem system = new org.apache.hadoop.fs.Path(location).getFileSystem(hadoop);
        for (FileStatus file : files) {
            String name = file.getPath().getName();
            MessageDigest digest = Sha256.digest();
            try (InputStream in = new DigestInputStream(system.open(file.getPath()), digest);
                    OutputStream out = Files.newOutputStream(part.resolve(name))) {
                in.transferTo(out);
            }
            sha256.put(name, Sha256.hex(digest));
        }
        Path named = named(sha256);
        if (Files.isDirectory(named)) {
            FileUtil.fullyDelete(part.toFile());
        } else {
            Files.move(part, named, StandardCopyOption.ATOMIC_MOVE);
        }
        return sha256;
    }

    private Path named(SortedMap<String, String> sha256) {
        return root.resolve(Sha256.hex(text(sha256)));
    }

    /** As sha256sum writes it. */
    private static String text(SortedMap<String, String> sha256) {
        StringBuilder text = new StringBuilder();
        sha256.forEach(
                (name, digest) -> text.append(digest).append("  ").append(name).append('\n'));
        return text.toString();
    }

    private static SortedMap<String, String> digests(List<String> lines) {
        SortedMap<String, String> sha256 = new TreeMap<>();
        for (String line : lines) {
            String[] parts = line.split("  ", 2);
            sha256.put(parts[1], parts[0]);
        }
        return sha256;
    }

    /** Only this user may write the folder of the copies: whoever else could might put weights there. */
    private void requireOwn() throws IOException {
        if (!Files.exists(root)) {
            Files.createDirectories(
                    root, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        }
        Path mine = Files.createTempFile(root, "owner", "");
        boolean same = Files.getOwner(mine).equals(Files.getOwner(root, LinkOption.NOFOLLOW_LINKS));
        Files.delete(mine);
        if (!same) {
            throw new IOException("the folder belongs to another user");
        }
    }

    /** Work on files. */
    @FunctionalInterface
    private interface Work<T> {
        T run() throws IOException;
    }

    /** Works while no other thread of any process of this host does. The lock ends with its process, however that ends. */
    private <T> T locked(String location, Work<T> work) {
        IN_THIS_JVM.lock();
        try {
            requireOwn();
            try (FileChannel file =
                    FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                file.lock();
                return work.run();
            }
        } catch (IOException e) {
            throw new ModelException(
                    "model.unreachable",
                    location + " cannot be copied to " + root + ": " + e
                            + "; check the address, the permissions of both" + " places and the room on the disk ("
                            + DIRECTORY + " names another folder)",
                    e);
        } finally {
            IN_THIS_JVM.unlock();
        }
    }
}
