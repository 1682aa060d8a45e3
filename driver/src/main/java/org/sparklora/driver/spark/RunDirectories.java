package org.sparklora.driver.spark;

import java.net.URI;
import java.nio.file.Path;
import org.sparklora.driver.report.LocalRunDirectory;
import org.sparklora.driver.report.OutputException;
import org.sparklora.driver.report.RunDirectory;

/** The run directory of a path: local, until other file systems follow. */
public final class RunDirectories {

    private RunDirectories() {}

    /** A directory for {@code output}: a local path, or a URI with the scheme file. */
    public static RunDirectory of(String output) {
        if (!output.matches("[A-Za-z][A-Za-z0-9+.-]+:.*")) {
            return new LocalRunDirectory(Path.of(output));
        }
        URI uri = URI.create(output);
        if (!"file".equals(uri.getScheme())) {
            throw new OutputException(
                    "output " + output + ": this version writes runs to local paths only; give a path without scheme");
        }
        return new LocalRunDirectory(Path.of(uri));
    }
}
