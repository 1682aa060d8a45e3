package org.sparklora.driver.job.text;

import java.util.Locale;

/** Sizes for people, in powers of 1000. */
public final class Bytes {

    private static final String[] UNITS = {"kB", "MB", "GB", "TB"};

    private Bytes() {}

    /** {@code 842 bytes}, {@code 12.1 MB}. */
    public static String text(long bytes) {
        if (bytes < 1000) {
            return bytes + " bytes";
        }
        double size = bytes;
        int unit = -1;
        while (size >= 999.95 && unit < UNITS.length - 1) {
            size /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %s", size, UNITS[unit]);
    }
}
