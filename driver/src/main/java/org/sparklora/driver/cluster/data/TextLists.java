package org.sparklora.driver.cluster.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Lists of texts in one text column: a JSON array of strings, with null for a missing element. */
public final class TextLists {

    /** The empty list. */
    static final String EMPTY = "[]";

    private static final ObjectMapper JSON = new ObjectMapper();

    private TextLists() {}

    /** Returns the elements, in order. */
    static List<@Nullable String> parse(String list) {
        try {
            List<@Nullable String> elements = new ArrayList<>();
            for (JsonNode element : JSON.readTree(list)) {
                elements.add(element.isNull() ? null : element.asText());
            }
            return elements;
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("'" + list + "' is not a JSON array", e);
        }
    }

    /** Replaces missing elements by empty texts, so that the other elements keep their positions. */
    public static List<String> present(List<@Nullable String> elements) {
        List<String> all = new ArrayList<>(elements.size());
        for (@Nullable String element : elements) {
            all.add(element == null ? "" : element);
        }
        return all;
    }
}
