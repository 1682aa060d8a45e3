package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Reads fields that may be missing, because an earlier build or an unfinished run did not write them. */
final class Json {

    private Json() {}

    /** A number, also one that JSON cannot say and the history has as text; not a number where there is none. */
    static double number(JsonNode node) {
        if (node.isNumber()) {
            return node.asDouble();
        }
        return switch (node.asText()) {
            case "Infinity" -> Double.POSITIVE_INFINITY;
            case "-Infinity" -> Double.NEGATIVE_INFINITY;
            default -> Double.NaN;
        };
    }

    /** The numbers of an object, by name. */
    static SortedMap<String, Double> numbers(JsonNode object) {
        TreeMap<String, Double> numbers = new TreeMap<>();
        object.fields().forEachRemaining(e -> numbers.put(e.getKey(), number(e.getValue())));
        return numbers;
    }

    /** The texts of a list. */
    static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(item -> texts.add(item.asText()));
        return texts;
    }
}
