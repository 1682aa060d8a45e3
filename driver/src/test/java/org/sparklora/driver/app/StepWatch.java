package org.sparklora.driver.app;

import com.sun.jdi.ArrayReference;
import com.sun.jdi.Bootstrap;
import com.sun.jdi.ClassObjectReference;
import com.sun.jdi.ClassType;
import com.sun.jdi.IntegerValue;
import com.sun.jdi.InterfaceType;
import com.sun.jdi.InvalidStackFrameException;
import com.sun.jdi.LongValue;
import com.sun.jdi.Method;
import com.sun.jdi.ObjectCollectedException;
import com.sun.jdi.ObjectReference;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.StackFrame;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.VMDisconnectedException;
import com.sun.jdi.Value;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.connect.IllegalConnectorArgumentsException;
import com.sun.jdi.connect.ListeningConnector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.sparklora.worker.spark.EpochContext;
import org.sparklora.worker.train.TrainStep;

/**
 * Tells of every shard of every step that an executor begins, before it computes it, or of every call of another method: the
 * executor's thread waits until the watcher returns. So a test can kill an executor at a chosen step, in the middle of a segment, without waiting for time
 * to pass and without a hook in the code under test.
 *
 * <p>It is a debugger. Each executor JVM connects to it when it starts, told to by {@link #javaOptions}, and stops at that
 * method; for steps it is {@link EpochContext}'s {@code microbatches}, which both exchanges ask for a shard's rows.
 */
final class StepWatch implements AutoCloseable {

    /** How often an executor is asked for its process. */
    private static final int ASKED = 20;

    /** What is being begun: a shard's part of a step, counted within its epoch. */
    record Spot(int epoch, int step, int shard) {}

    /** Whom it tells; called from one thread per executor. */
    @FunctionalInterface
    interface Watcher {
        void begins(Spot spot, Stopped executor) throws Exception;
    }

    /** Where executors stop, and what is read there. */
    private record Watched(String type, String method, Function<StackFrame, Spot> spot) {}

    /** An executor that waits, before it computes a spot, for the watcher to return. */
    record Stopped(ProcessHandle process, ThreadReference task) {

        /** Changes one number in the copy of the training state that the task's rank holds. */
        void corruptState() throws Exception {
            for (StackFrame frame : task.frames()) {
                ObjectReference owner = frame.thisObject();
                if (owner != null && owner.referenceType().name().equals(TrainStep.class.getName())) {
                    Value firstTensor = field(field(field(field(owner, "state"), "values"), "root"), "value");
                    ((ArrayReference) firstTensor)
                            .setValue(0, task.virtualMachine().mirrorOf(1000f));
                    return;
                }
            }
            throw new IllegalStateException("the task that stopped is in no TrainStep: " + task.frames());
        }
    }

    private final ListeningConnector connector;
    private final Map<String, Connector.Argument> arguments;
    private final String address;
    private final Watched method;
    private final Watcher watcher;
    private final ExecutorService threads = Executors.newCachedThreadPool(StepWatch::daemon);
    private final ConcurrentLinkedQueue<Throwable> problems = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    private StepWatch(Watched method, Watcher watcher) throws IOException, IllegalConnectorArgumentsException {
        this.method = method;
        this.watcher = watcher;
        this.connector = Bootstrap.virtualMachineManager().listeningConnectors().stream()
                .filter(c -> c.name().equals("com.sun.jdi.SocketListen"))
                .findFirst()
                .orElseThrow();
        this.arguments = connector.defaultArguments();
        Objects.requireNonNull(arguments.get("localAddress")).setValue("127.0.0.1");
        this.address = connector.startListening(arguments);
    }

    private static Thread daemon(Runnable work) {
        Thread thread = new Thread(work, "step watch");
        thread.setDaemon(true);
        return thread;
    }

    static StepWatch open(Watcher watcher) throws IOException, IllegalConnectorArgumentsException {
        return open(new Watched(EpochContext.class.getName(), "microbatches", StepWatch::spot), watcher);
    }

    /** Tells of the calls of a method instead, which have no spot: all its numbers are 0. */
    static StepWatch atCallsOf(Class<?> type, String method, Watcher watcher)
            throws IOException, IllegalConnectorArgumentsException {
        return open(new Watched(type.getName(), method, frame -> new Spot(0, 0, 0)), watcher);
    }

    private static StepWatch open(Watched method, Watcher watcher)
            throws IOException, IllegalConnectorArgumentsException {
        StepWatch watch = new StepWatch(method, watcher);
        watch.threads.execute(watch::accept);
        return watch;
    }

    /** What the executors' JVMs must be started with. */
    String javaOptions() {
        // C1 and the serial collector: such a JVM starts with half of the work, and lives for seconds.
        return "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -agentlib:jdwp=transport=dt_socket,server=n,suspend=y,address=127.0.0.1:"
                + address.substring(address.lastIndexOf(':') + 1);
    }

    private void accept() {
        while (!closed) {
            try {
                VirtualMachine executor = connector.accept(arguments);
                threads.execute(() -> watch(executor));
            } catch (IOException | IllegalConnectorArgumentsException | RuntimeException e) {
                if (!closed) {
                    problems.add(e);
                    return;
                }
            }
        }
    }

    private void watch(VirtualMachine executor) {
        CompletableFuture<ProcessHandle> process = new CompletableFuture<>();
        try {
            ClassPrepareRequest loaded = executor.eventRequestManager().createClassPrepareRequest();
            loaded.addClassFilter(method.type());
            loaded.enable();
            while (true) {
                EventSet events = executor.eventQueue().remove();
                for (Event event : events) {
                    if (event instanceof ClassPrepareEvent prepared) {
                        stopAtCalls(prepared.referenceType());
                    } else if (event instanceof BreakpointEvent stopped) {
                        Spot spot = method.spot().apply(stopped.thread().frame(0));
                        if (!process.isDone()) {
                            process.complete(process(executor, stopped.thread()));
                        }
                        watcher.begins(spot, new Stopped(process.join(), stopped.thread()));
                    }
                }
                events.resume();
            }
        } catch (VMDisconnectedException | InterruptedException e) {
            // How every executor ends, and how watching does.
        } catch (InvalidStackFrameException e) {
            // The executor was killed while its stopped thread was looked at.
            letGo(executor);
        } catch (Exception | AssertionError e) {
            problems.add(e);
            letGo(executor);
        }
    }

    /** Lets an executor go on, unwatched: the test ends and says why. */
    private static void letGo(VirtualMachine executor) {
        try {
            executor.dispose();
        } catch (VMDisconnectedException e) {
            // It has ended.
        }
    }

    private void stopAtCalls(ReferenceType type) {
        List<Method> found = type.methodsByName(method.method()).stream()
                .filter(each -> !each.isBridge())
                .toList();
        if (found.size() != 1) {
            throw new IllegalStateException("executors shall stop at one method: " + found);
        }
        BreakpointRequest stop = type.virtualMachine()
                .eventRequestManager()
                .createBreakpointRequest(found.get(0).location());
        stop.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        stop.enable();
    }

    private static Spot spot(StackFrame asked) {
        List<Value> given = asked.getArgumentValues();
        int epoch = integer(field(field(asked.thisObject(), "plan"), "epoch"));
        return new Spot(epoch, integer(given.get(1)), integer(field(field(given.get(0), "rows"), "index")));
    }

    private static Value field(Value object, String name) {
        ObjectReference reference = (ObjectReference) object;
        return reference.getValue(reference.referenceType().fieldByName(name));
    }

    private static int integer(Value value) {
        return ((IntegerValue) value).value();
    }

    /** What the executor is asked with, its own collector may take before it is used: then it is asked again. */
    private static ProcessHandle process(VirtualMachine executor, ThreadReference thread) throws Exception {
        for (int left = ASKED; ; left--) {
            try {
                return askForProcess(executor, thread);
            } catch (ObjectCollectedException e) {
                if (left == 0) {
                    throw e;
                }
            }
        }
    }

    /** Asks the executor itself: ProcessHandle.current().pid(), from the thread that stopped. */
    private static ProcessHandle askForProcess(VirtualMachine executor, ThreadReference thread) throws Exception {
        // Single-threaded: an invocation otherwise ends with every thread of the JVM suspended.
        int alone = ObjectReference.INVOKE_SINGLE_THREADED;
        ClassType classes =
                (ClassType) executor.classesByName(Class.class.getName()).get(0);
        Method forName = classes.concreteMethodByName("forName", "(Ljava/lang/String;)Ljava/lang/Class;");
        List<Value> name = List.of(executor.mirrorOf(ProcessHandle.class.getName()));
        InterfaceType handles = (InterfaceType)
                ((ClassObjectReference) classes.invokeMethod(thread, forName, name, alone)).reflectedType();
        ObjectReference current = (ObjectReference)
                handles.invokeMethod(thread, handles.methodsByName("current").get(0), List.of(), alone);
        LongValue pid = (LongValue)
                current.invokeMethod(thread, handles.methodsByName("pid").get(0), List.of(), alone);
        return ProcessHandle.of(pid.value()).orElseThrow();
    }

    /** Stops watching; executors that are still there are let go. Throws what went wrong in between. */
    @Override
    public void close() throws IOException, IllegalConnectorArgumentsException {
        closed = true;
        connector.stopListening(arguments);
        threads.shutdownNow();
        if (!problems.isEmpty()) {
            IllegalStateException failure = new IllegalStateException("watching the executors failed");
            problems.forEach(failure::addSuppressed);
            throw failure;
        }
    }
}
