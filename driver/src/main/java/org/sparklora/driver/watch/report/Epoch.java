package org.sparklora.driver.watch.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import java.util.SortedMap;

/**
 * What the history says of one epoch.
 *
 * @param start its {@code epoch_start}; missing where the history has none
 * @param end its {@code epoch_end}; missing while the epoch is under way
 * @param keepSeconds how long it took to keep what enters the lowest live stage; 0 where that was not done
 */
record Epoch(int number, JsonNode start, JsonNode end, double keepSeconds) {

    static Epoch of(int number) {
        return new Epoch(number, MissingNode.getInstance(), MissingNode.getInstance(), 0);
    }

    boolean isDone() {
        return !end.isMissingNode();
    }

    double trainLoss() {
        return Json.number(end.path("train_loss"));
    }

    SortedMap<String, Double> validation() {
        return Json.numbers(end.path("validation"));
    }

    SortedMap<String, Double> seconds() {
        return Json.numbers(end.path("seconds"));
    }

    /** Seconds from the epoch's start to its end, validation included. */
    double totalSeconds() {
        return Json.number(end.path("seconds").path("total"));
    }

    /** Counts of work, by name; empty where the build that trained did not count. */
    SortedMap<String, Double> work() {
        return Json.numbers(end.path("work"));
    }
}
