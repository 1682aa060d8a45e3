package org.sparklora.driver.job.config;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.sparklora.worker.contract.HostException;

/**
 * Makes the paths of a job file absolute. A relative input is looked up in the current directory, then beside the job
 * file. An input in neither place is resolved against the current directory, and its reader reports it.
 *
 * <p>Paths with a scheme ({@code hdfs://…}, {@code file:…}) are left as they are.
 */
public final class JobPaths {

    // Two characters at least: C:\ is no scheme. Without a slash behind it, a colon belongs to a name: run12:30.
    private static final Pattern SCHEME = Pattern.compile("(dataset:|[A-Za-z][A-Za-z0-9+.-]+:/).*", Pattern.DOTALL);
    private static final Pattern GLOB = Pattern.compile("[*?\\[{]");

    private final Path currentDirectory;
    private final Path jobDirectory;

    JobPaths(Path currentDirectory, Path jobFile) {
        this.currentDirectory = currentDirectory.toAbsolutePath().normalize();
        Path file = this.currentDirectory.resolve(jobFile).normalize();
        Path parent = file.getParent();
        this.jobDirectory = parent == null ? file : parent;
    }

    /** Absolute path of something to read. */
    String input(String path) {
        HostException.requireInLocale(path);
        if (hasScheme(path)) {
            return path;
        }
        for (Path directory : List.of(currentDirectory, jobDirectory)) {
            Path place = directory.resolve(path).normalize();
            if (Files.exists(place) || matchesSomething(directory, path)) {
                return place.toString();
            }
        }
        return output(path);
    }

    /** Absolute path of a model or adapter. The id of a repository on a hub stays as it is if no directory has that name. */
    String model(String path) {
        String place = input(path);
        return HubId.of(path).isPresent() && !Files.exists(Path.of(place)) ? path : place;
    }

    /** Absolute path of something to write: always in the current directory. */
    String output(String path) {
        HostException.requireInLocale(path);
        return hasScheme(path)
                ? path
                : currentDirectory.resolve(path).normalize().toString();
    }

    /** Whether a path says which file system it is on. */
    public static boolean hasScheme(String path) {
        return SCHEME.matcher(path).matches();
    }

    /** Whether something matches a glob, as far as its first part with a wildcard. */
    private static boolean matchesSomething(Path directory, String path) {
        Matcher glob = GLOB.matcher(path);
        if (!glob.find()) {
            return false;
        }
        int start = path.lastIndexOf('/', glob.start()) + 1;
        int slash = path.indexOf('/', start);
        String part = path.substring(start, slash < 0 ? path.length() : slash);
        try (DirectoryStream<Path> found =
                Files.newDirectoryStream(directory.resolve(path.substring(0, start)), part)) {
            return found.iterator().hasNext();
        } catch (IOException | PatternSyntaxException | DirectoryIteratorException e) {
            return false;
        }
    }
}
