package org.sparklora.driver.run.history;

import java.io.IOException;
import java.util.SortedSet;

/** A run directory that passes everything to another one; a subclass changes what it must. */
public abstract class ForwardingRunDirectory implements RunDirectory {

    private final RunDirectory directory;

    /** Forwards to a directory. */
    protected ForwardingRunDirectory(RunDirectory directory) {
        this.directory = directory;
    }

    @Override
    public String location() {
        return directory.location();
    }

    @Override
    public void write(String name, Content content) throws IOException {
        directory.write(name, content);
    }

    @Override
    public boolean createsAtomically() {
        return directory.createsAtomically();
    }

    @Override
    public boolean exists(String name) throws IOException {
        return directory.exists(name);
    }

    @Override
    public SortedSet<String> list(String folder) throws IOException {
        return directory.list(folder);
    }

    @Override
    public byte[] read(String name, long from, int max) throws IOException {
        return directory.read(name, from, max);
    }

    @Override
    public void delete(String name) throws IOException {
        directory.delete(name);
    }
}
