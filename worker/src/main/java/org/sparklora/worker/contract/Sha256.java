package org.sparklora.worker.contract;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 (FIPS 180-4), as everything here is named and checked by it. */
public final class Sha256 {

    private Sha256() {}

    /** A digest to be fed. */
    public static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java runtime lacks SHA-256, which every Java runtime must have", e);
        }
    }

    /** Of bytes, in 64 hexadecimal digits. */
    public static String hex(byte[] bytes) {
        return hex(digest(), bytes);
    }

    /** Of a text in UTF-8, likewise. */
    public static String hex(String text) {
        return hex(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Of what a digest was fed, likewise; the digest begins anew. */
    public static String hex(MessageDigest fed) {
        return HexFormat.of().formatHex(fed.digest());
    }

    private static String hex(MessageDigest fed, byte[] last) {
        fed.update(last);
        return hex(fed);
    }
}
