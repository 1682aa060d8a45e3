package org.sparklora.driver.watch.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A destination that does as it likes. */
@Timeout(60)
class DeliveryTest {

    private final List<String> warnings = Collections.synchronizedList(new ArrayList<>());

    private static String line(int step) {
        return "{\"event\":\"step\",\"time\":\"2026-01-01T00:00:00Z\",\"step\":" + step + "}";
    }

    /** Keeps the steps that it takes; what it does before may be more than taking. */
    private static class Kept implements Destination {

        final List<Integer> steps = Collections.synchronizedList(new ArrayList<>());
        volatile @Nullable Outcome outcome;

        @Override
        public String name() {
            return "Kept";
        }

        @Override
        public void send(List<HistoryLine> lines) throws IOException, InterruptedException {
            lines.forEach(line -> steps.add(line.fields().get("step").asInt()));
        }

        @Override
        public void finish(Outcome end) {
            outcome = end;
        }
    }

    @Test
    void linesArriveInOrderAndThenTheEnd() {
        Kept kept = new Kept();
        Delivery delivery = Delivery.start(kept, warnings::add);
        for (int i = 0; i < 100; i++) {
            delivery.published(List.of(line(2 * i), line(2 * i + 1)));
        }
        delivery.end(Outcome.FINISHED);
        assertThat(kept.steps).hasSize(200).isSorted();
        assertThat(kept.outcome).isEqualTo(Outcome.FINISHED);
        assertThat(warnings).isEmpty();
    }

    @Test
    void whatCannotBeSentIsSentLaterAndToldOnce() throws Exception {
        CountDownLatch failed = new CountDownLatch(3);
        Kept kept = new Kept() {
            @Override
            public void send(List<HistoryLine> lines) throws IOException, InterruptedException {
                if (failed.getCount() > 0) {
                    failed.countDown();
                    throw new IOException("no way there");
                }
                super.send(lines);
            }
        };
        Delivery delivery = Delivery.start(kept, warnings::add);
        for (int i = 0; failed.getCount() > 0; i++) {
            long before = failed.getCount();
            delivery.published(List.of(line(i)));
            while (failed.getCount() == before && !failed.await(1, TimeUnit.MILLISECONDS)) {
                Thread.onSpinWait();
            }
        }
        delivery.end(Outcome.FAILED);
        assertThat(kept.steps).containsExactly(0, 1, 2);
        assertThat(kept.outcome).isEqualTo(Outcome.FAILED);
        assertThat(warnings)
                .containsExactly(
                        "Kept cannot be reached (no way there); the run goes on, and tries again whenever it has"
                                + " more to tell");
    }

    @Test
    void whatIsRefusedEndsTheDeliveryAndIsToldOnce() {
        Kept kept = new Kept() {
            @Override
            public void send(List<HistoryLine> lines) throws IOException {
                throw new RefusedException("does not want it");
            }
        };
        Delivery delivery = Delivery.start(kept, warnings::add);
        delivery.published(List.of(line(0)));
        delivery.published(List.of(line(1)));
        delivery.end(Outcome.FINISHED);
        delivery.published(List.of(line(2)));
        assertThat(kept.outcome).isNull();
        assertThat(warnings).containsExactly("Kept does not want it; the run goes on without it");
    }

    @Test
    void aDestinationThatNeverAnswersHoldsNobodyUpAndDropsWhatIsTooMuch() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        Kept kept = new Kept() {
            @Override
            public void send(List<HistoryLine> lines) throws IOException, InterruptedException {
                entered.countDown();
                never.await();
            }
        };
        Delivery delivery = Delivery.start(kept, warnings::add);
        delivery.published(List.of(line(0)));
        assertThat(entered.await(30, TimeUnit.SECONDS)).isTrue();
        delivery.published(Collections.nCopies(Delivery.MOST_WAITING, line(1)));
        delivery.published(List.of(line(2)));
        assertThat(warnings)
                .containsExactly(
                        "Kept: more than 100000 events wait to be sent; what follows is in history.jsonl alone");
    }
}
