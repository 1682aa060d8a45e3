package org.sparklora.driver.job.config;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The id of a repository on a hub: {@code owner/name}, or {@code owner/name@revision}. A text is an id only where no directory has
 * that name.
 *
 * @param repository owner and name, as huggingface_hub's {@code validate_repo_id} accepts them
 * @param revision a commit, tag or branch; empty: the branch {@value #DEFAULT_REVISION}
 */
public record HubId(String repository, Optional<String> revision) {

    public static final String DEFAULT_REVISION = "main";

    private static final Pattern ID = Pattern.compile("([\\w.-]+/[\\w.-]+)(?:@([\\w.+/-]+))?");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    // Both become names of folders. No part may be "..", and "--" stands for the slash there.
    private static final Pattern NO_REPOSITORY = Pattern.compile("(^|/)[.-]|[.-](/|$)|--|\\.\\.");
    private static final Pattern NO_REVISION = Pattern.compile("(^|/)[.-]|(^|/)/|/$|\\.\\.");

    /** Reads an id; empty if the text is not an id and so can only be a path. */
    public static Optional<HubId> of(String text) {
        Matcher id = ID.matcher(text);
        if (!id.matches() || NO_REPOSITORY.matcher(id.group(1)).find()) {
            return Optional.empty();
        }
        Optional<String> revision = Optional.ofNullable(id.group(2));
        return revision.filter(name -> NO_REVISION.matcher(name).find()).isPresent()
                ? Optional.empty()
                : Optional.of(new HubId(id.group(1), revision));
    }

    /** Whether a text is the hash of a commit, which names the same files for ever. */
    public static boolean isCommit(String text) {
        return COMMIT.matcher(text).matches();
    }

    /** Whether the revision is a commit. */
    public boolean isPinned() {
        return revision.filter(HubId::isCommit).isPresent();
    }

    /** The same repository at a commit. */
    public HubId at(String commit) {
        return new HubId(repository, Optional.of(commit));
    }

    @Override
    public String toString() {
        return repository + revision.map(name -> "@" + name).orElse("");
    }
}
