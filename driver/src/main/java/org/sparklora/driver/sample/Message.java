package org.sparklora.driver.sample;

/** One labelled example: what a customer wrote, and the class it belongs to. */
public record Message(String text, String label) {}
