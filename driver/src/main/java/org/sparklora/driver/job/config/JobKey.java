package org.sparklora.driver.job.config;

import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One key of the job file. {@link JobKeyTable} lists them all.
 *
 * @param name in its section, for example {@code batch_size}
 * @param absent what happens when the file leaves the key out
 * @param resume whether a resumed run may have another value
 * @param meaning one sentence, without its full stop
 */
public record JobKey<T>(String name, KeyType<T> type, Absent<T> absent, Resume resume, String meaning) {

    /**
     * What happens when the file leaves a key out.
     *
     * @param value the default; for a required key, a placeholder that lets reading continue; null for no value
     * @param words the default as documentation shows it
     */
    public record Absent<T>(Kind kind, @Nullable T value, String words) {

        static <T> Absent<T> of(Kind kind, @Nullable T value) {
            return new Absent<>(kind, value, kind.name().toLowerCase(Locale.ROOT));
        }
    }

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

    static <T> JobKey<T> withDefault(String name, KeyType<T> type, T defaultValue, String meaning) {
        Object plain = ResolvedYaml.plain(defaultValue);
        String words = plain instanceof String text && text.isEmpty() ? "''" : String.valueOf(plain);
        return new JobKey<>(name, type, new Absent<>(Kind.DEFAULT, defaultValue, words), Resume.FIXED, meaning);
    }

    /** A key without a default. */
    static <T> JobKey<T> optional(String name, KeyType<T> type, String meaning) {
        return new JobKey<>(name, type, Absent.of(Kind.NONE, null), Resume.FIXED, meaning);
    }

    /** A key whose default is the same as no value at all: {@code config.yaml} shows it as null. */
    static <T> JobKey<T> optional(String name, KeyType<T> type, T defaultValue, String meaning) {
        return new JobKey<>(name, type, Absent.of(Kind.NONE, defaultValue), Resume.FIXED, meaning);
    }

    /** A key whose default follows from other values, as {@code words} say. */
    static <T> JobKey<T> derived(String name, KeyType<T> type, String words, String meaning) {
        return new JobKey<>(name, type, new Absent<>(Kind.DERIVED, null, words), Resume.FIXED, meaning);
    }

    /** @param placeholder the value with which reading continues when the file leaves the key out */
    static <T> JobKey<T> required(String name, KeyType<T> type, T placeholder, String meaning) {
        return new JobKey<>(name, type, Absent.of(Kind.REQUIRED, placeholder), Resume.FIXED, meaning);
    }

    JobKey<T> onResume(Resume other) {
        return new JobKey<>(name, type, absent, other, meaning);
    }

    /** The name of a record's component as a key: {@code loraAlpha} is {@code lora_alpha}. */
    static String nameOf(String component) {
        return component.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
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
    Optional<T> read(YamlSection section) {
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
