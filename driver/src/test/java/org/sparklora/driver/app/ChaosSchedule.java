package org.sparklora.driver.app;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.sparklora.driver.app.StepWatch.Spot;

/**
 * Who is killed when, drawn from a seed. A run is done in legs: each but the last ends with the driver's death, the next
 * resumes it, on a cluster of its own.
 */
record ChaosSchedule(long seed, OptionalInt checkpointEvery, List<Leg> legs) {

    /**
     * A driver's life.
     *
     * @param executorDeaths where the executor that computes the spot is killed, once each
     * @param driverDeath where the driver is killed; empty in the last leg
     */
    record Leg(int executors, String exchange, Set<Spot> executorDeaths, Optional<Spot> driverDeath) {}

    /** The shape of the run that is to be disturbed. */
    record Shape(int epochs, int stepsPerEpoch, int shards) {

        int steps() {
            return epochs * stepsPerEpoch;
        }
    }

    static ChaosSchedule draw(long seed, Shape run) {
        Random random = new Random(seed);
        OptionalInt every = random.nextInt(4) == 0 ? OptionalInt.empty() : OptionalInt.of(2 + random.nextInt(6));
        TreeSet<Integer> cuts = new TreeSet<>();
        int driverDeaths = random.nextInt(3);
        while (cuts.size() < driverDeaths) {
            cuts.add(random.nextInt(run.steps()));
        }
        Set<Spot> killed = new HashSet<>();
        int executorDeaths = 1 + random.nextInt(3);
        while (killed.size() < executorDeaths) {
            killed.add(spot(random.nextInt(run.steps()), random, run));
        }
        List<Leg> legs = new ArrayList<>();
        int from = 0;
        for (int cut : cuts) {
            legs.add(leg(random, run, within(killed, run, from, cut), Optional.of(spot(cut, random, run))));
            from = cut;
        }
        legs.add(leg(random, run, within(killed, run, from, run.steps()), Optional.empty()));
        return new ChaosSchedule(seed, every, List.copyOf(legs));
    }

    private static Spot spot(int step, Random random, Shape run) {
        return new Spot(step / run.stepsPerEpoch(), step % run.stepsPerEpoch(), random.nextInt(run.shards()));
    }

    /** A leg does each step from where the driver died before, so what is drawn there will happen. */
    private static Set<Spot> within(Set<Spot> killed, Shape run, int from, int to) {
        Set<Spot> mine = new HashSet<>();
        for (Spot spot : killed) {
            int step = spot.epoch() * run.stepsPerEpoch() + spot.step();
            if (step >= from && step < to) {
                mine.add(spot);
            }
        }
        return mine;
    }

    private static Leg leg(Random random, Shape run, Set<Spot> executorDeaths, Optional<Spot> driverDeath) {
        String exchange = random.nextBoolean() ? "peer" : "driver";
        int executors = 2 + random.nextInt(run.shards() - 1);
        return new Leg(executors, exchange, executorDeaths, driverDeath);
    }

    /** Whether an executor that exchanges in this way dies with steps of its epoch both before and after. */
    boolean killsExecutorInMidEpoch(String exchange, Shape run) {
        return legs.stream()
                .filter(leg -> leg.exchange().equals(exchange))
                .flatMap(leg -> leg.executorDeaths().stream())
                .anyMatch(spot -> spot.step() > 0 && spot.step() < run.stepsPerEpoch() - 1);
    }

    boolean killsDriver() {
        return legs.size() > 1;
    }
}
