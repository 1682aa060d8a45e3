package org.sparklora.driver.cluster.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Lists of texts as one text: a JSON array of strings, in which null may stand for a missing one. */
final class TextLists {

    /** The empty list. */
    static final String EMPTY = "[]";

    private static final ObjectMapper JSON = new ObjectMapper();

    private TextLists() {}

    /** The elements, in order. */
    static List<@Nullable String> parse(String list) {
        try {
            List<@Nullable String> elements = new ArrayList<>();
            for (JsonNode element : JSON.readTree(list)) {
                elements.add(element.isNull() ? null : element.asText());
            }
            return elements;
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("'" + list + "' is no JSON array", e);
        }
    }
}
