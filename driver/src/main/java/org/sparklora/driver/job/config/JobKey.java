package org.sparklora.driver.job.config;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.sparklora.driver.job.text.Problems;

/**
 * One key of the job file. {@link JobKeyTable} lists them all.
 *
 * @param name in its section, for example {@code batch_size}
 * @param absent what happens when the file leaves the key out
 * @param resume whether a resumed run may have another value
 * @param meaning one sentence, without its full stop
 */
public record JobKey(String name, KeyType<?> type, Absent absent, Resume resume, String meaning) {

    /**
     * What happens when the file leaves a key out.
     *
     * @param value the default; for a required key, a placeholder that lets reading continue; null for no value
     * @param words the default as documentation shows it
     */
    public record Absent(Kind kind, @Nullable Object value, String words) {}

    /** Whether a key can be left out. */
    public enum Kind {
        /** The file must have the key. */
        REQUIRED,
        /** The key has a default. */
        DEFAULT,
        /** The default follows from other values. */
        DERIVED,
        /** The key has no value then. */
        NONE
    }

    /** What of a key a resumed run may change. */
    public enum Resume {
        /** Nothing. */
        FIXED("no"),
        /** Nothing. The key is newer than 0.1.0, which did what its default says: a default does not count in digests. */
        ADDED("no"),
        /** Nothing; a job that leaves the key out takes what the run began with. */
        AS_BEGUN("no"),
        /** Everything. */
        FREE("yes"),
        /** The number of epochs may grow when it changes no learning rate. */
        MORE_EPOCHS("more, with a `constant` learning rate"),
        /** New groups may be added, and groups that never trained may be removed. */
        GROUPS("new groups; groups that never trained may go"),
        /** The events of new groups. */
        EVENTS("events of new groups, ahead of the run");

        private final String words;

        Resume(String words) {
            this.words = words;
        }

        /** As documentation shows it. */
        public String words() {
            return words;
        }
    }

    /** @param absent the column of {@link JobKeyTable} that says what happens when the file leaves the key out */
    static JobKey of(String name, KeyType<?> type, String absent, Resume resume, String meaning) {
        return new JobKey(name, type, absent(type, absent), resume, meaning);
    }

    private static Absent absent(KeyType<?> type, String column) {
        if (column.equals("required")) {
            return new Absent(Kind.REQUIRED, type.placeholder(), column);
        } else if (column.equals("-")) {
            return new Absent(Kind.NONE, type.nothing(), "none");
        } else if (column.startsWith("(")) {
            return new Absent(Kind.DERIVED, null, column.substring(1, column.length() - 1));
        }
        Problems problems = new Problems();
        Object given = YamlTree.parse(column, problems).orElseThrow();
        Optional<?> value = type.read(new YamlSection("", Map.of("default", given), problems), "default", given);
        Object defaultValue = value.isPresent() ? value.get() : type.nothing();
        if (defaultValue == null || !problems.isEmpty()) {
            throw new IllegalStateException(column + " is not " + type.words());
        }
        String words = String.valueOf(ResolvedYaml.plain(defaultValue));
        return new Absent(Kind.DEFAULT, defaultValue, words.isEmpty() ? "''" : words);
    }

    /** The name of a record's component as a key: {@code loraAlpha} is {@code lora_alpha}, but PEFT writes {@code deltaT}. */
    static String nameOf(String component) {
        return component.equals("deltaT")
                ? component
                : component.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    /** Whether the file must give a value. */
    public boolean isRequired() {
        return absent.kind() == Kind.REQUIRED;
    }

    /** Whether a value is written as null because it is the same as no value. */
    boolean isWrittenAsNull(Object value) {
        return absent.kind() == Kind.NONE && value.equals(absent.value());
    }

    /** The value in the file; empty when the key is left out, or its value is a problem. */
    Optional<?> read(YamlSection section) {
        Optional<Object> value = section.value(name);
        if (value.isEmpty() && isRequired()) {
            reportMissing(section);
        }
        return value.flatMap(given -> type.read(section, name, given));
    }

    void reportMissing(YamlSection section) {
        section.problem("config.key.missing", name, "is required: " + meaning);
    }
}
