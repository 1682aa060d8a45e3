package org.sparklora.worker.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.sparklora.worker.bench.BenchReport;
import org.sparklora.worker.bench.BenchReport.Spread;

/** Rows a second that one thread tokenises: the first column of a CSV file without line breaks in its fields. */
public final class TokenizerBench {

    private TokenizerBench() {}

    /**
     * Prints the rate.
     *
     * @param args model directory, CSV file
     */
    public static void main(String... args) throws IOException {
        List<String> texts = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            int end = line.lastIndexOf(',');
            texts.add(line.substring(0, end).replaceAll("^\"|\"$", "").replace("\"\"", "\""));
        }
        texts.remove(0);
        List<Double> rates = new ArrayList<>();
        long tokens = 0;
        try (TextTokenizer tokenizer = TextTokenizer.open(TokenizerSpec.read(Path.of(args[0])), 128)) {
            for (int round = 0; round < 6; round++) {
                tokens = 0;
                int done = 0;
                long began = System.nanoTime();
                while (System.nanoTime() - began < 1_000_000_000L) {
                    tokens += tokenizer
                            .encode(texts.get(done % texts.size()), null)
                            .inputIds()
                            .length;
                    done++;
                }
                rates.add(done / ((System.nanoTime() - began) / 1e9));
            }
        }
        rates.remove(0);
        Spread rate = Spread.of(rates, r -> r);
        BenchReport.add(
                "tokenisation, one thread",
                ">= 20,000 rows/s of SST-2",
                rate.text("%.0f") + " rows/s of " + Math.round(tokens / rates.get(4)) + " tokens",
                Map.of("rows_per_second", rate));
        System.exit(0);
    }
}
