package org.sparklora.worker.contract;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 (FIPS 180-4) in 64 hexadecimal digits. */
public final class Sha256 {

    private Sha256() {}

    /** An empty digest. */
    public static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java runtime lacks SHA-256, which every Java runtime must have", e);
        }
    }

    /** The hash of bytes. */
    public static String hex(byte[] bytes) {
        return hex(digest(), bytes);
    }

    /** The hash of a text in UTF-8. */
    public static String hex(String text) {
        return hex(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The hash of a digest's input; the digest is reset. */
    public static String hex(MessageDigest fed) {
        return HexFormat.of().formatHex(fed.digest());
    }

    private static String hex(MessageDigest fed, byte[] last) {
        fed.update(last);
        return hex(fed);
    }
}
