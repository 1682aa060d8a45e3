package org.sparklora.driver.training;

/** The version of spark-lora, from the job jar's manifest. */
public final class ProductVersion {

    private ProductVersion() {}

    /** The version, or {@code (not packaged)} if the classes do not come from the job jar. */
    public static String current() {
        String version = ProductVersion.class.getPackage().getImplementationVersion();
        return version == null ? "(not packaged)" : version;
    }
}
