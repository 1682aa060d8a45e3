package org.sparklora.driver.watch.tracking;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.run.history.HistoryLine;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.StoredHistory;
import org.sparklora.driver.watch.tracking.Destination.RefusedException;
import org.sparklora.driver.watch.tracking.Tracking.Outcome;

/** Delivery to destinations that fail, refuse or block. */
@Timeout(60)
class DeliveryTest {

    private final List<String> warnings = Collections.synchronizedList(new ArrayList<>());

    @TempDir
    private Path folder;

    /** What is in the folder. */
    private StoredHistory earlier() throws IOException {
        return StoredHistory.of(new LocalRunDirectory(folder));
    }

    private static String line(int step) {
        return "{\"event\":\"step\",\"time\":\"2026-01-01T00:00:00Z\",\"step\":" + step + "}";
    }

    /** Collects the steps it receives. */
    private static class Collecting implements Destination {

        final List<Integer> steps = Collections.synchronizedList(new ArrayList<>());
        volatile @Nullable Outcome outcome;

        @Override
        public String name() {
            return "Collecting";
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
    void linesArriveInOrderBeforeTheEnd() throws IOException {
        Collecting destination = new Collecting();
        Delivery delivery = Delivery.start(destination, earlier(), warnings::add);
        for (int i = 0; i < 100; i++) {
            delivery.published(List.of(line(2 * i), line(2 * i + 1)));
        }
        delivery.end(Outcome.FINISHED);
        assertThat(destination.steps).hasSize(200).isSorted();
        assertThat(destination.outcome).isEqualTo(Outcome.FINISHED);
        assertThat(warnings).isEmpty();
    }

    @Test
    void theHistoryOfAResumedRunIsSentFirstAndInParts() throws IOException {
        int lines = 40_000;
        StringBuilder history = new StringBuilder();
        for (int i = 0; i < lines; i++) {
            history.append(line(i)).append('\n');
        }
        Files.writeString(folder.resolve("history.jsonl"), history);
        AtomicInteger largest = new AtomicInteger();
        Collecting destination = new Collecting() {
            @Override
            public void send(List<HistoryLine> part) throws IOException, InterruptedException {
                largest.accumulateAndGet(part.size(), Math::max);
                super.send(part);
            }
        };
        Delivery delivery = Delivery.start(destination, earlier(), warnings::add);
        delivery.published(List.of(line(lines)));
        delivery.end(Outcome.FINISHED);
        assertThat(destination.steps).hasSize(lines + 1).isSorted();
        assertThat(largest).hasValueLessThan(lines / 2);
        assertThat(warnings).isEmpty();
    }

    /** As much as may wait of what is published later. */
    @Test
    void aLongHistoryDoesNotWaitForAServerThatIsDown() throws IOException {
        Files.writeString(folder.resolve("history.jsonl"), (line(0) + "\n").repeat(2 * Delivery.MAX_WAITING));
        Collecting destination = new Collecting() {
            @Override
            public void send(List<HistoryLine> part) throws IOException {
                throw new IOException("no route");
            }
        };
        Delivery.start(destination, earlier(), warnings::add).end(Outcome.FINISHED);
        assertThat(warnings)
                .satisfiesExactly(
                        first -> assertThat(first).contains("(no route)"),
                        second -> assertThat(second).contains("100000", "history.jsonl"));
    }

    @Test
    void failedLinesAreSentAgainWithOneWarning() throws Exception {
        CountDownLatch failed = new CountDownLatch(3);
        Collecting destination = new Collecting() {
            @Override
            public void send(List<HistoryLine> lines) throws IOException, InterruptedException {
                if (failed.getCount() > 0) {
                    failed.countDown();
                    throw new IOException("no route");
                }
                super.send(lines);
            }
        };
        Delivery delivery = Delivery.start(destination, earlier(), warnings::add);
        for (int i = 0; failed.getCount() > 0; i++) {
            long before = failed.getCount();
            delivery.published(List.of(line(i)));
            while (failed.getCount() == before && !failed.await(1, TimeUnit.MILLISECONDS)) {
                Thread.onSpinWait();
            }
        }
        delivery.end(Outcome.FAILED);
        assertThat(destination.steps).containsExactly(0, 1, 2);
        assertThat(destination.outcome).isEqualTo(Outcome.FAILED);
        assertThat(warnings).singleElement().asString().contains("Collecting", "(no route)");
    }

    @Test
    void aRefusalEndsTheDeliveryWithOneWarning() throws IOException {
        Collecting destination = new Collecting() {
            @Override
            public void send(List<HistoryLine> lines) throws IOException {
                throw new RefusedException("refuses it");
            }
        };
        Delivery delivery = Delivery.start(destination, earlier(), warnings::add);
        delivery.published(List.of(line(0)));
        delivery.published(List.of(line(1)));
        delivery.end(Outcome.FINISHED);
        delivery.published(List.of(line(2)));
        assertThat(destination.outcome).isNull();
        assertThat(warnings).singleElement().asString().startsWith("Collecting refuses it; ");
    }

    @Test
    void aBlockedDestinationDoesNotBlockTheRunAndTheQueueIsBounded() throws Exception {
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch never = new CountDownLatch(1);
        Collecting destination = new Collecting() {
            @Override
            public void send(List<HistoryLine> lines) throws IOException, InterruptedException {
                entered.countDown();
                never.await();
            }
        };
        Delivery delivery = Delivery.start(destination, earlier(), warnings::add);
        delivery.published(List.of(line(0)));
        assertThat(entered.await(30, TimeUnit.SECONDS)).isTrue();
        delivery.published(Collections.nCopies(Delivery.MAX_WAITING, line(1)));
        delivery.published(List.of(line(2)));
        assertThat(warnings).singleElement().asString().contains("Collecting", "100000", "history.jsonl");
    }
}
