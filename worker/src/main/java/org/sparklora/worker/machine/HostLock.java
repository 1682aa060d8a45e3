package org.sparklora.worker.machine;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.commons.io.function.IOSupplier;

/** A lock on a file that excludes other processes of this host and other threads of this one. A process that ends releases it. */
public final class HostLock {

    /** A lock on a file excludes other processes, but not other threads of this one. */
    private static final ReentrantLock IN_THIS_JVM = new ReentrantLock();

    private HostLock() {}

    /**
     * Does work that no one else does at the same time under the same lock.
     *
     * @param file of the lock, in a folder that exists; it stays there
     */
    public static <T> T locked(Path file, IOSupplier<T> work) throws IOException {
        IN_THIS_JVM.lock();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.lock();
            return work.get();
        } finally {
            IN_THIS_JVM.unlock();
        }
    }
}
