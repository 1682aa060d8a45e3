package org.sparklora.driver.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A cloud that is a folder: programs stand in for its command line tools (driver/src/test/resources/cluster/cloud), note what they are
 * called with, refuse what the real ones do not know, and keep buckets as folders.
 */
final class CloudStandIn {

    private final Path folder;
    private final Script script;

    CloudStandIn(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectory(folder.resolve("store"));
        Files.createFile(folder.resolve("calls"));
        this.script = new Script(folder)
                .withPrograms(Script.STAND_INS.resolve("cloud"))
                .with("STUB_STORE", folder.resolve("store").toString())
                .with("STUB_CALLS", folder.resolve("calls").toString());
    }

    /** What runs scripts among the stand-ins. */
    Script script() {
        return script;
    }

    /** The calls of tools so far, in order. */
    List<String> calls() throws IOException {
        return Files.readAllLines(folder.resolve("calls"));
    }

    /** Where the store keeps what is at a URI, or under a name of its own. */
    Path stored(String uri) {
        return folder.resolve("store").resolve(uri.replaceFirst("^[a-z0-9]+://", ""));
    }

    /** Puts a base model into a bucket: as much of it as a script looks at. */
    void storeModel(String uri) throws IOException {
        Files.createDirectories(stored(uri));
        Files.writeString(stored(uri).resolve("config.json"), "{}");
    }

    /** A package with nothing in it but what puts it to its place. */
    Path emptyPackage() throws Exception {
        Path files = Files.createDirectories(folder.resolve("spark-lora-9"));
        Files.copy(Path.of(Script.of("install")), files.resolve("install"));
        Files.writeString(files.resolve("VERSION"), "spark-lora 9\n");
        script.succeed("bash", "-c", "cd spark-lora-9 && sha256sum install VERSION >SHA256SUMS");
        script.succeed("tar", "--create", "--gzip", "--file", "package.tar.gz", "spark-lora-9");
        return folder.resolve("package.tar.gz");
    }

    /** The first sixteen digits of a file's digest, and the whole of it. */
    String[] digest(Path file) throws Exception {
        String whole = script.succeed("sha256sum", file.toString()).substring(0, 64);
        return new String[] {whole.substring(0, 16), whole};
    }

    /** A command line of one of our scripts. */
    static List<String> command(String script, String... arguments) {
        List<String> command = new ArrayList<>(List.of(Script.of(script)));
        command.addAll(Arrays.asList(arguments));
        return command;
    }
}
