package org.sparklora.driver.training.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.job.freeze.EpochMetrics;
import org.sparklora.driver.training.sweep.TrialResult.State;

class LeaderboardTest {

    private static TrialResult trial(String id, State state, int epochs, double accuracy) {
        SortedMap<String, Double> metrics = new TreeMap<>(Map.of("accuracy", accuracy, "loss", 1 - accuracy));
        List<EpochMetrics> seen = IntStream.range(0, epochs)
                .mapToObj(epoch -> new EpochMetrics(epoch, 1, metrics, new TreeMap<>()))
                .toList();
        return new TrialResult(id, Map.of("lora.r", id), state, seen, epochs - 1, "", "", "");
    }

    private static List<String> ids(String metric) {
        List<TrialResult> trials = List.of(
                trial("diverged", State.DIVERGED, 0, 0),
                trial("stopped early", State.STOPPED, 1, 0.9),
                trial("stopped late", State.STOPPED, 2, 0.7),
                trial("worse", State.FINISHED, 3, 0.8),
                trial("better, by patience", State.FINISHED, 2, 0.85),
                trial("equal", State.FINISHED, 3, 0.8));
        return Leaderboard.of(metric, trials).trials().stream()
                .map(TrialResult::id)
                .toList();
    }

    @Test
    void finishedTrialsAreRankedByValueAloneAndStoppedOnesByHowLongTheyTrained() {
        assertThat(ids("accuracy"))
                .isEqualTo(ids("loss"))
                .containsExactly("better, by patience", "worse", "equal", "stopped late", "stopped early", "diverged");
    }
}
