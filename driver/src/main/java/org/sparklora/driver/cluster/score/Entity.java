package org.sparklora.driver.cluster.score;

import java.util.ArrayList;
import java.util.List;

/**
 * A named entity within a row of words.
 *
 * @param type what follows the first hyphen of its tags
 * @param from its first word, from 0
 * @param to the word after its last
 */
record Entity(String type, int from, int to) {

    /**
     * The entities of a row, as conlleval reads BIO tags: B- starts one; I- goes on with one of its own type, and starts one
     * where it follows O or another type. Any other tag belongs to none.
     */
    static List<Entity> of(List<String> tags) {
        List<Entity> entities = new ArrayList<>();
        String open = "";
        int from = -1;
        for (int i = 0; i <= tags.size(); i++) {
            String tag = i < tags.size() ? tags.get(i) : "O";
            boolean begins = tag.startsWith("B-");
            boolean inside = begins || tag.startsWith("I-");
            String type = inside ? tag.substring(2) : "";
            boolean goesOn = inside && !begins && from >= 0 && type.equals(open);
            if (from >= 0 && !goesOn) {
                entities.add(new Entity(open, from, i));
                from = -1;
            }
            if (inside && !goesOn) {
                open = type;
                from = i;
            }
        }
        return entities;
    }
}
