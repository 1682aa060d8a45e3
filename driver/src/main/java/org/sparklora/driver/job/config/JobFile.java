package org.sparklora.driver.job.config;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.sparklora.driver.job.text.Problems;

/**
 * Reads a job file: text to tree, {@code --set} over it, then section by section to records.
 *
 * <p>All problems are reported at once. A file that is not YAML has no other problems to report.
 */
public final class JobFile {

    private static final String EXPECTED = "a map of keys; a job needs at least model, data, lora, schedule and output";

    private static final String ADDED_WITH_A_DEFAULT = "weight_decay_exclude";

    private JobFile() {}

    /**
     * Reads and checks a job.
     *
     * @param setOverrides {@code a.b=c}, applied in order
     * @param outputOverride the run directory, instead of the file's; an empty text if no run is written, so that the file's is
     *     not required
     * @throws ConfigException naming every problem
     */
    public static JobConfig read(Path file, List<String> setOverrides, Optional<String> outputOverride) {
        return read(file, setOverrides, outputOverride, Path.of(""));
    }

    /**
     * Reads and checks the text of a job file.
     *
     * @param file where the text would be; its folder and name count, as those of a file do
     * @throws ConfigException naming every problem
     */
    public static JobConfig ofText(Path file, String yaml, List<String> setOverrides) {
        Problems problems = new Problems();
        Map<String, Object> tree = tree(file.toString(), Optional.of(yaml), problems);
        Overrides.apply(tree, setOverrides, problems);
        return read(file.toString(), tree, problems, new JobPaths(Path.of(""), file), file, Optional.empty());
    }

    /**
     * A job without a file.
     *
     * @param name of the job, unless a key sets it
     * @param keys {@code a.b=c}, applied in order
     * @throws ConfigException naming every problem
     */
    public static JobConfig ofKeys(String name, List<String> keys, String output) {
        Problems problems = new Problems();
        Map<String, Object> tree = new LinkedHashMap<>();
        Overrides.apply(tree, keys, problems);
        Path file = Path.of(name);
        return read(name, tree, problems, new JobPaths(Path.of(""), file), file, Optional.of(output));
    }

    /**
     * Reads what {@link ResolvedYaml} wrote.
     *
     * @param where it was written, for messages
     * @throws ConfigException naming every problem
     */
    public static JobConfig resolved(String where, String yaml) {
        Problems problems = new Problems();
        Path name = Path.of("config.yaml");
        Map<String, Object> tree = tree(where, Optional.of(yaml), problems);
        if (tree.get("training") instanceof Map<?, ?> training && !training.containsKey(ADDED_WITH_A_DEFAULT)) {
            // A run of 0.1.0: every tensor decays.
            YamlSection.asMap(training).put(ADDED_WITH_A_DEFAULT, new YamlScalar("null", true));
        }
        return read(where, tree, problems, new JobPaths(Path.of(""), name), name, Optional.empty());
    }

    static JobConfig read(
            Path file, List<String> setOverrides, Optional<String> outputOverride, Path currentDirectory) {
        Problems problems = new Problems();
        Map<String, Object> tree = tree(
                file.toString(),
                TextFile.read(currentDirectory.resolve(file), "job file", "--config", problems),
                problems);
        Overrides.apply(tree, setOverrides, problems);
        return read(file.toString(), tree, problems, new JobPaths(currentDirectory, file), file, outputOverride);
    }

    private static JobConfig read(
            String where,
            Map<String, Object> tree,
            Problems problems,
            JobPaths paths,
            Path file,
            Optional<String> outputOverride) {
        YamlSection root = new YamlSection("", tree, problems);
        JobConfig job = new JobReader(root, paths).read(baseName(file), outputOverride);
        if (!problems.isEmpty()) {
            throw new ConfigException(where, problems);
        }
        return job;
    }

    /** The file's map, which the caller may change. Throws at once when there is no map to read. */
    private static Map<String, Object> tree(String where, Optional<String> text, Problems problems) {
        return text.flatMap(yaml -> YamlTree.parseMap(yaml, EXPECTED, problems))
                .orElseThrow(() -> new ConfigException(where, problems));
    }

    private static String baseName(Path file) {
        String name = String.valueOf(file.getFileName());
        int dot = name.lastIndexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }
}
