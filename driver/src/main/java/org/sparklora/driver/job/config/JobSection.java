package org.sparklora.driver.job.config;

import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The keys of one section of the job file, in the file's order.
 *
 * <p>Most sections are read to a record whose components have the keys' names in camel case. {@link Values#to} and {@link
 * #write} translate between the two.
 *
 * @param name the section's path, {@code *} for the names that the user chooses; empty for the top level
 */
public record JobSection(String name, List<JobKey> keys) {

    public JobSection {
        keys = List.copyOf(keys);
    }

    List<String> names() {
        return keys.stream().map(JobKey::name).toList();
    }

    /** The key with a name. */
    JobKey key(String key) {
        return keys.stream()
                .filter(one -> one.name().equals(key))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(key + " is not a key of '" + name + "'"));
    }

    /** The values of the file, with defaults. Any key that is not in this section becomes a problem. */
    Values read(YamlSection section) {
        return read(section, List.of());
    }

    /** @param others keys of the same map that other sections have */
    Values read(YamlSection section, List<String> others) {
        Values values = new Values(section);
        List<String> known = new ArrayList<>(names());
        known.addAll(others);
        section.refuseOthers(known);
        return values;
    }

    /** The values of a record, without those of required keys. */
    Values like(Object values) {
        return new Values().inherit(values);
    }

    /** The values of a record by key, as {@code config.yaml} has them. Keys without a component are left out. */
    Map<String, @Nullable Object> write(Object values) {
        Map<String, @Nullable Object> written = new LinkedHashMap<>();
        Map<String, Object> components = components(values);
        for (JobKey key : keys) {
            Object value = components.get(key.name());
            if (value != null) {
                written.put(key.name(), key.isWrittenAsNull(value) ? null : ResolvedYaml.plain(value));
            }
        }
        return written;
    }

    /** A record's components by the names of their keys. */
    private static Map<String, Object> components(Object values) {
        Map<String, Object> components = new HashMap<>();
        for (RecordComponent component : values.getClass().getRecordComponents()) {
            try {
                Object value = component.getAccessor().invoke(values);
                components.put(JobKey.nameOf(component.getName()), value);
                if (value instanceof Record part && isPart(component)) {
                    components.putAll(components(part));
                }
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot read " + component, e);
            }
        }
        return components;
    }

    /** The value of a component; null for an empty one. */
    static @Nullable Object valueOf(@Nullable Object component) {
        if (component instanceof Optional<?> optional) {
            return optional.orElse(null);
        } else if (component instanceof OptionalInt optional) {
            return optional.isPresent() ? optional.getAsInt() : null;
        } else if (component instanceof OptionalDouble optional) {
            return optional.isPresent() ? optional.getAsDouble() : null;
        }
        return component;
    }

    /** Whether a component is a record of further keys of the same section: one that is declared in the record itself. */
    private static boolean isPart(RecordComponent component) {
        return component.getType().isRecord()
                && component.getType().getEnclosingClass() == component.getDeclaringRecord();
    }

    /** The values of one section: what the file gives, else defaults. */
    final class Values {

        private final Map<String, @Nullable Object> values = new HashMap<>();
        private final Set<String> given = new HashSet<>();

        private Values() {}

        private Values(YamlSection section) {
            for (JobKey key : keys) {
                Optional<?> value = key.read(section);
                boolean isNullValue = key.type().nullable() && section.isNull(key.name());
                if (value.isPresent() || isNullValue) {
                    given.add(key.name());
                    values.put(key.name(), value.orElse(null));
                } else {
                    values.put(key.name(), key.absent().value());
                }
            }
        }

        /** The value of a key that has one, of the type that {@link JobKeyTable} gives it. */
        @SuppressWarnings("TypeParameterUnusedInFormals")
        <T> T get(String key) {
            return this.<T>find(key).orElseThrow();
        }

        @SuppressWarnings("unchecked")
        <T> Optional<T> find(String key) {
            return Optional.ofNullable((T) values.get(key(key).name()));
        }

        /** Sets a value that the caller has read itself. */
        Values set(String key, @Nullable Object value) {
            values.put(key(key).name(), value);
            return this;
        }

        /** Sets a default that depends on other values. */
        void setDefault(String key, Object value) {
            if (!given.contains(key)) {
                set(key, value);
            }
        }

        /** Takes over what the file leaves out from another section; a required key is never inherited. */
        Values inherit(Object from) {
            return inherit(from, Set.of());
        }

        /** @param except keys that are not inherited either */
        Values inherit(Object from, Set<String> except) {
            Map<String, Object> inherited = components(from);
            inherited.keySet().removeAll(except);
            for (JobKey key : keys) {
                if (!key.isRequired() && !given.contains(key.name()) && inherited.containsKey(key.name())) {
                    values.put(key.name(), valueOf(inherited.get(key.name())));
                }
            }
            return this;
        }

        /** A record of these values. */
        <R> R to(Class<R> type) {
            return to(type, Map.of());
        }

        /** @param others values of components that are no keys of this section */
        <R> R to(Class<R> type, Map<String, Object> others) {
            RecordComponent[] components = type.getRecordComponents();
            Object[] arguments = Arrays.stream(components)
                    .map(component -> {
                        String key = JobKey.nameOf(component.getName());
                        return isPart(component)
                                ? to(component.getType(), others)
                                : argument(component.getType(), others.getOrDefault(key, values.get(key)));
                    })
                    .toArray();
            try {
                return type.getDeclaredConstructor(Arrays.stream(components)
                                .map(RecordComponent::getType)
                                .toArray(Class<?>[]::new))
                        .newInstance(arguments);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot make a " + type + " of " + values, e);
            }
        }

        private static Object argument(Class<?> type, @Nullable Object value) {
            if (type == Optional.class) {
                return Optional.ofNullable(value);
            }
            if (type == OptionalInt.class) {
                return value == null ? OptionalInt.empty() : OptionalInt.of((Integer) value);
            }
            if (type == OptionalDouble.class) {
                return value == null ? OptionalDouble.empty() : OptionalDouble.of((Double) value);
            }
            if (value == null) {
                throw new IllegalStateException("a key without a value needs an Optional, not a " + type);
            }
            return value;
        }
    }
}
