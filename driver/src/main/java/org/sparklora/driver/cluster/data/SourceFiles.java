package org.sparklora.driver.cluster.data;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.sparklora.driver.job.config.SourceConfig;
import org.sparklora.worker.contract.CodedException;
import org.sparklora.worker.contract.HostException;

/**
 * The files that a source's path stands for. A path that exists stands for itself, whatever characters it has. Only another
 * path is taken for a pattern.
 *
 * @param roots files and folders, without patterns
 * @param read data files at and below the roots with their bytes, at least one
 * @param skipped files that Spark skips, because a name on the way from the root begins with an underscore or a dot
 */
record SourceFiles(List<String> roots, SortedMap<String, Long> read, List<String> skipped) {

    /** Those of a table or query. */
    static final SourceFiles NONE = new SourceFiles(List.of(), new TreeMap<>(), List.of());

    /**
     * Finds the files of a source.
     *
     * @param where key or option that names the path, for the message
     */
    static SourceFiles of(SourceConfig source, Configuration hadoop, String where) {
        SourceFiles found = new SourceFiles(new ArrayList<>(), new TreeMap<>(), new ArrayList<>());
        try {
            Path path = SourcePaths.path(source.name());
            FileSystem files = path.getFileSystem(hadoop);
            for (FileStatus root : files.exists(path) ? List.of(files.getFileStatus(path)) : matches(files, path)) {
                found.roots.add(root.getPath().toString());
                if (files instanceof LocalFileSystem local) {
                    requireNamesInLocale(local.pathToFile(root.getPath()));
                }
                for (var below = files.listFiles(root.getPath(), true); below.hasNext(); ) {
                    FileStatus file = below.next();
                    if (isSkipped(root, file.getPath())) {
                        found.skipped.add(file.getPath().toString());
                    } else {
                        found.read.put(file.getPath().toString(), file.getLen());
                    }
                }
            }
        } catch (CodedException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // Hadoop reports a file that has just vanished by a plain RuntimeException.
            HostException.requireInLocale(String.valueOf(e.getMessage()));
            String problem = "'" + source.name() + "' cannot be read: " + e.getMessage() + "; check its permissions";
            throw new DataException("data.file.unreadable", problem, e);
        }
        if (found.read.isEmpty()) {
            String remedy = found.skipped.isEmpty()
                    ? "; check the path in " + where
                    : "; Spark skips " + found.skipped.get(0) + ", because a name begins with _ or .: rename it";
            String problem = found.roots.isEmpty() ? " does not exist" : " contains no data file";
            throw new DataException("data.file.missing", "'" + source.name() + "'" + problem + remedy);
        }
        return found;
    }

    private static List<FileStatus> matches(FileSystem files, Path pattern) throws IOException {
        try {
            FileStatus[] found = files.globStatus(pattern);
            return found == null ? List.of() : List.of(found);
        } catch (IllegalArgumentException e) {
            throw new IOException("it does not exist, and Hadoop takes no patterns where a name has a colon", e);
        }
    }

    /** Hadoop leaves out files whose names the locale cannot express, without a word. */
    private static void requireNamesInLocale(File folder) {
        for (File file : Objects.requireNonNullElse(folder.listFiles(), new File[0])) {
            HostException.requireInLocale(file.toString());
            requireNamesInLocale(file);
        }
    }

    /** Whether Spark skips a file at or below a root. */
    private static boolean isSkipped(FileStatus root, Path file) {
        Path from = root.isFile() ? root.getPath().getParent() : root.getPath();
        return Stream.of(file.toString().substring(from.toString().length()).split("/"))
                .anyMatch(part -> part.startsWith(".") || (part.startsWith("_") && !part.contains("=")));
    }
}
