package org.sparklora.worker.spark;

import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.apache.commons.io.function.IOSupplier;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;
import org.apache.spark.rpc.RpcEnv;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.machine.HostLock;

/**
 * The copies on this host of directories on remote file systems. A copy is named by the digests of its files and made once:
 * under a lock that all processes of the host take, in a folder that gets its final name when every file has the expected
 * digest. So a copy with its final name is complete, and a changed model is another copy.
 *
 * <p>Copies are in {@value #DIRECTORY}. By default this is the application's local directory on YARN, which YARN deletes with
 * the application, or else the user's own folder in the temporary directory, which later runs use again.
 *
 * @param root the folder of the copies
 */
public record HostModels(Path root, Configuration hadoop) {

    /** Spark's setting of the folder for copies. */
    public static final String DIRECTORY = "spark.lora.modelDirectory";

    /** Ends the names of files that hold the digests of a copy, by the listing of its source. */
    private static final String BY_LISTING = ".sha256";

    /** Copies that this process has seen complete. */
    private static final Set<Path> COMPLETE = ConcurrentHashMap.newKeySet();

    /** Begins the address of files that the driver serves. */
    private static final String SERVED = "spark:";

    /** Opens the copies with these settings. */
    public static HostModels of(SparkConf spark) {
        String yarn = System.getenv("LOCAL_DIRS");
        Path defaultRoot = yarn == null
                ? Path.of(System.getProperty("java.io.tmpdir"), "spark-lora-models-" + System.getProperty("user.name"))
                : Path.of(yarn.split(",", 2)[0], "spark-lora-models");
        return new HostModels(
                Path.of(spark.get(DIRECTORY, defaultRoot.toString())).toAbsolutePath(),
                SparkHadoopUtil.get().newConfiguration(spark));
    }

    /**
     * A copy on this host.
     *
     * @param here its directory
     * @param source what other hosts need to make the same copy
     * @param copiedBytes bytes that were copied now; 0 if the copy existed
     */
    public record Copy(Path here, ModelSource source, long copiedBytes) {}

    /** Returns the model's directory on this executor's host, and copies the model if necessary. */
    public static Path directory(ModelSource source) {
        if (source.isCopied()) {
            return of(SparkEnv.get().conf()).copyOf(source);
        }
        HostException.requireInLocale(source.location());
        return Path.of(source.location());
    }

    /** Returns the model with its base model on this executor's host. */
    public static TrainedModel here(TrainedModel model) {
        return model.withBaseIn(directory(model.base().source()).toString());
    }

    /** Copies the files of a Hugging Face model: everything but weights, and weights in one format. */
    public Copy model(String location) {
        List<FileStatus> all = list(location);
        boolean safetensors = all.stream().anyMatch(f -> name(f).matches("model.*\\.safetensors(\\.index\\.json)?"));
        String weights = safetensors ? "model.*\\.safetensors" : "pytorch_model.*\\.bin";
        return copy(location, matching(all, weights + "|.*\\.(json|txt|model)"));
    }

    /** Copies the files of a PEFT adapter. */
    public Copy adapter(String location) {
        return copy(location, matching(list(location), "adapter_.*|.*\\.json"));
    }

    /**
     * Serves files of a directory on the driver's own disk to other hosts, over the connections that Spark has: they are
     * authenticated and encrypted where Spark's are. Needs a running session, and lasts as long.
     *
     * @param names of the files; links are followed
     */
    public ModelSource served(Path directory, List<String> names) {
        return locked(directory.toString(), () -> {
            RpcEnv rpc = SparkEnv.get().rpcEnv();
            // Spark serves a file by its name alone, so each gets a name that no other content has.
            Path links = Files.createDirectories(root.resolve("served"));
            SortedMap<String, String> sha256 = new TreeMap<>();
            for (String name : names) {
                Path file = directory.resolve(name).toRealPath();
                try (InputStream in = Files.newInputStream(file)) {
                    sha256.put(name, Sha256.hex(in));
                }
                Path link = links.resolve(sha256.get(name));
                Files.deleteIfExists(link);
                rpc.fileServer().addFile(Files.createSymbolicLink(link, file).toFile());
            }
            return new ModelSource(rpc.address().toSparkURL() + "/files", sha256);
        });
    }

    private static String name(FileStatus file) {
        return file.getPath().getName();
    }

    private static List<FileStatus> matching(List<FileStatus> files, String names) {
        return files.stream().filter(f -> name(f).matches(names)).toList();
    }

    /** Copies files for the driver, which does not know their digests yet. An older copy is found by names, sizes and times. */
    private Copy copy(String location, List<FileStatus> files) {
        String listing = files.stream()
                .map(file -> "\n" + file.getPath() + " " + file.getLen() + " " + file.getModificationTime())
                .collect(Collectors.joining("", location, ""));
        Path known = root.resolve(Sha256.hex(listing) + BY_LISTING);
        return locked(location, () -> {
            SortedMap<String, String> sha256 =
                    Files.exists(known) ? digests(Files.readAllLines(known)) : Collections.emptySortedMap();
            long bytes = 0;
            if (sha256.isEmpty() || !Files.isDirectory(folder(sha256))) {
                sha256 = fetch(opened(location, files));
                Files.writeString(known, text(sha256));
                bytes = files.stream().mapToLong(FileStatus::getLen).sum();
            }
            return new Copy(folder(sha256), new ModelSource(location, sha256), bytes);
        });
    }

    /** Copies the files that the driver saw, for executors. Every task asks, so a copy known to be complete needs no lock. */
    Path copyOf(ModelSource source) {
        Path copy = folder(source.sha256());
        if (COMPLETE.contains(copy)) {
            return copy;
        }
        return locked(source.location(), () -> {
            if (!Files.isDirectory(copy)) {
                SortedMap<String, String> copied = fetch(opened(source));
                if (!copied.equals(source.sha256())) {
                    throw new ModelException(
                            "model.changed",
                            source.location() + " has changed since the driver read it: "
                                    + difference(source.sha256(), copied)
                                    + "; run again without changing it meanwhile");
                }
            }
            COMPLETE.add(copy);
            return copy;
        });
    }

    private static String difference(Map<String, String> expected, Map<String, String> found) {
        return expected.entrySet().stream()
                .filter(file -> !file.getValue().equals(found.get(file.getKey())))
                .map(file -> file.getKey() + (found.containsKey(file.getKey()) ? " is different" : " is missing"))
                .findFirst()
                .orElse("there are more files");
    }

    /** Lists the files of a remote directory, sorted by name. */
    private List<FileStatus> list(String location) {
        try {
            org.apache.hadoop.fs.Path directory = new org.apache.hadoop.fs.Path(location);
            return Arrays.stream(directory.getFileSystem(hadoop).listStatus(directory))
                    .filter(FileStatus::isFile)
                    .sorted(Comparator.comparing(HostModels::name))
                    .toList();
        } catch (IOException | RuntimeException e) {
            // Hadoop reports a missing class by a plain RuntimeException.
            throw new ModelException(
                    "model.unreachable",
                    location + " cannot be listed: " + e
                            + "; check the address, and that the file system's jars are on the class path (--packages)",
                    e);
        }
    }

    /** How to open the files of a source, by their names. */
    private Map<String, IOSupplier<InputStream>> opened(ModelSource source) throws IOException {
        if (!source.location().startsWith(SERVED)) {
            return opened(
                    source.location(),
                    list(source.location()).stream()
                            .filter(f -> source.sha256().containsKey(name(f)))
                            .toList());
        }
        RpcEnv rpc = SparkEnv.get().rpcEnv();
        Map<String, IOSupplier<InputStream>> files = new TreeMap<>();
        source.sha256()
                .forEach((name, sha256) -> files.put(
                        name, () -> Channels.newInputStream(rpc.openChannel(source.location() + "/" + sha256))));
        return files;
    }

    private Map<String, IOSupplier<InputStream>> opened(String location, List<FileStatus> files) throws IOException {
        FileSystem system = new org.apache.hadoop.fs.Path(location).getFileSystem(hadoop);
        return files.stream().collect(Collectors.toMap(HostModels::name, file -> () -> system.open(file.getPath())));
    }

    /** Copies files, gives the copy its final name, and returns the digests. */
    private SortedMap<String, String> fetch(Map<String, IOSupplier<InputStream>> files) throws IOException {
        Path part = root.resolve("part");
        FileUtil.fullyDelete(part.toFile());
        Files.createDirectory(part);
        SortedMap<String, String> sha256 = new TreeMap<>();
        for (Map.Entry<String, IOSupplier<InputStream>> file : files.entrySet()) {
            MessageDigest digest = Sha256.digest();
            try (InputStream in = new DigestInputStream(file.getValue().get(), digest)) {
                Files.copy(in, part.resolve(file.getKey()));
            }
            sha256.put(file.getKey(), Sha256.hex(digest));
        }
        Path copy = folder(sha256);
        if (Files.isDirectory(copy)) {
            FileUtil.fullyDelete(part.toFile());
        } else {
            Files.move(part, copy, StandardCopyOption.ATOMIC_MOVE);
        }
        return sha256;
    }

    private Path folder(SortedMap<String, String> sha256) {
        return root.resolve(Sha256.hex(text(sha256)));
    }

    /** Formats digests as sha256sum does. */
    private static String text(SortedMap<String, String> sha256) {
        return sha256.entrySet().stream()
                .map(file -> file.getValue() + "  " + file.getKey() + "\n")
                .collect(Collectors.joining());
    }

    private static SortedMap<String, String> digests(List<String> lines) {
        return lines.stream()
                .map(line -> line.split("  ", 2))
                .collect(Collectors.toMap(parts -> parts[1], parts -> parts[0], (a, b) -> b, TreeMap::new));
    }

    /** Creates the folder of the copies, which only this user may write: another user could place other weights there. */
    private void requireOwnRoot() throws IOException {
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

    /** Runs work while no other thread of any process on this host does. */
    private <T> T locked(String location, IOSupplier<T> work) {
        try {
            requireOwnRoot();
            return HostLock.locked(root.resolve("lock"), work);
        } catch (IOException e) {
            throw new ModelException(
                    "model.unreachable",
                    location + " cannot be copied to " + root + ": " + e
                            + "; check the address, the permissions of both folders and the free disk space ("
                            + DIRECTORY + " sets another folder)",
                    e);
        }
    }
}
