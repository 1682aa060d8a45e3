package org.sparklora.driver.cluster;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.lang3.exception.ExceptionUtils;
import org.sparklora.driver.cluster.data.DataException;
import org.sparklora.driver.cluster.failure.SparkSentences;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.safetensors.WeightsException;
import org.sparklora.worker.spark.CacheStorageException;

/**
 * Classifies the failure of a Spark job by the classes of its exceptions, and summarizes it in one line. Where Spark's own
 * exception has no cause, {@link TaskFailures} finds the exception of the task.
 */
public final class Failures {

    private Failures() {}

    /** Spark's own class, which only its packages may name. */
    private static final String NO_SLOTS = "org.apache.spark.scheduler.BarrierJobSlotsNumberCheckFailed";

    /** Invalid input, or an executor without disk space: a repetition would fail in the same way. */
    private static final Set<String> FINAL = Set.of(
            DataException.class.getName(),
            HostException.class.getName(),
            ModelException.class.getName(),
            WeightsException.class.getName(),
            CacheStorageException.class.getName());

    /** Exceptions that are thrown where code is wrong, or meets what it did not expect. */
    private static final Pattern DEFECT = Pattern.compile(
            "java\\.lang\\.(NullPointer|IllegalArgument|IllegalState|ClassCast|Arithmetic|UnsupportedOperation"
                    + "|NegativeArraySize|ArrayStore|(Array|String)?IndexOutOfBounds)Exception"
                    + "|java\\.lang\\.AssertionError|java\\.util\\.NoSuchElementException|ai\\.djl\\.engine\\.EngineException");

    private static final Pattern LIBRARY = Pattern.compile("(java|jdk|sun|scala)\\..*");

    /** The engine that we call counts as our code. */
    private static final Pattern OURS = Pattern.compile("(org\\.sparklora|ai\\.djl)\\..*");

    /** How a rank names the exception of another, which only that rank has as an object. */
    private static final Pattern OF_A_PEER = Pattern.compile("\\) failed: ([\\w.$]+)");

    /** Whether a repetition would fail in the same way. */
    static boolean isFinal(Throwable failure) {
        return causes(failure).stream()
                .anyMatch(t -> FINAL.contains(TaskException.type(t))
                        || ofAPeer(t).filter(FINAL::contains).isPresent()
                        || SparkSentences.isResultTooLarge(String.valueOf(t.getMessage())));
    }

    /** Whether our own code failed, not Spark, a file system, the network or a lack of memory. */
    public static boolean isDefect(Throwable failure) {
        List<Throwable> causes = causes(failure);
        return causes.stream().noneMatch(Failures::isPassedOn)
                && causes.stream()
                        .anyMatch(t -> (isDefect(TaskException.type(t)) && isOurs(t.getStackTrace()))
                                || ofAPeer(t).filter(Failures::isDefect).isPresent());
    }

    private static boolean isDefect(String type) {
        return DEFECT.matcher(type).matches();
    }

    private static boolean isPassedOn(Throwable cause) {
        return cause instanceof IOException
                || cause instanceof InterruptedException
                || cause instanceof TimeoutException
                || cause instanceof CancellationException
                || cause instanceof OutOfMemoryError
                || SparkSentences.lacksMemory(String.valueOf(cause.getMessage()));
    }

    /** Whether the first frame outside the JDK and Scala is ours. */
    private static boolean isOurs(StackTraceElement[] frames) {
        return Arrays.stream(frames)
                .map(StackTraceElement::getClassName)
                .filter(name -> !LIBRARY.matcher(name).matches())
                .findFirst()
                .filter(name -> OURS.matcher(name).matches())
                .isPresent();
    }

    private static Optional<String> ofAPeer(Throwable cause) {
        Matcher named = OF_A_PEER.matcher(cause instanceof PeerException ? String.valueOf(cause.getMessage()) : "");
        return named.find() ? Optional.of(named.group(1)) : Optional.empty();
    }

    /** Whether Spark did not start a barrier stage, because fewer slots are there than tasks. */
    static boolean lacksSlots(Throwable failure) {
        return hasType(failure, NO_SLOTS);
    }

    /** Whether a failure or one of its causes is of a class. */
    static boolean hasType(Throwable failure, String type) {
        return causes(failure).stream().anyMatch(t -> TaskException.type(t).equals(type));
    }

    /** Whether the job was cancelled on purpose. */
    static boolean isCancellation(Throwable failure) {
        return failure instanceof InterruptedException
                || causes(failure).stream()
                        .anyMatch(t -> SparkSentences.isCancelledOnPurpose(String.valueOf(t.getMessage())));
    }

    private static List<Throwable> causes(Throwable failure) {
        return ExceptionUtils.getThrowableList(failure);
    }

    /**
     * Summarizes a failure in one line: what a rank reported about another, or how a task ended, or else the first line of the
     * innermost message. A message of Spark may hold a whole stack trace.
     */
    static String summary(Throwable failure) {
        List<Throwable> causes = causes(failure);
        Throwable said = Optional.<Throwable>ofNullable(ExceptionUtils.throwableOfType(failure, PeerException.class))
                .or(() -> Optional.ofNullable(ExceptionUtils.throwableOfType(failure, TaskException.class)))
                .orElse(causes.get(causes.size() - 1));
        return Objects.toString(said.getMessage(), "")
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .findFirst()
                .orElse(said.getClass().getSimpleName());
    }
}
