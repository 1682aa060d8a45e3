package org.sparklora.worker.encoder.deberta;

import org.sparklora.worker.encoder.EncoderConfig;

/**
 * The row of DeBERTa's table of relative embeddings for a distance between two tokens. Short distances have a row each; further
 * ones share rows, whose number grows with the logarithm of the distance.
 *
 * @param buckets {@code position_buckets}; below 1, each distance has a row
 * @param longest {@code max_relative_positions}
 */
record RelativePosition(int buckets, int longest) {

    /** The keys of config.json. */
    static RelativePosition of(EncoderConfig config, int maxPositions) {
        int buckets = (int) config.number("position_buckets", -1);
        int longest = (int) config.number("max_relative_positions", -1);
        RelativePosition position = new RelativePosition(buckets, longest < 1 ? maxPositions : longest);
        if (buckets > 0 && (buckets < 4 || position.longest - 1 <= buckets / 2)) {
            throw config.problem("position_buckets " + buckets + " must be at least 4 and less than twice the longest"
                    + " distance, " + (position.longest - 1));
        }
        return position;
    }

    /** Rows of the table, 2 K: the row of distance 0 is K. */
    int rows() {
        return 2 * (buckets > 0 ? buckets : longest);
    }

    /** The row of a distance: position of the query minus that of the key. */
    int row(int distance) {
        return Math.max(0, Math.min(rows() - 1, rows() / 2 + bucket(distance)));
    }

    /** In float32, as transformers computes it: the result is rounded up, and may be a whole number before. */
    private int bucket(int distance) {
        int half = buckets / 2;
        int size = Math.abs(distance);
        if (buckets < 1 || size <= half) {
            return distance;
        }
        float part = log(size / (float) half) / log((longest - 1) / (float) half);
        return Integer.signum(distance) * (half + (int) Math.ceil(part * (half - 1)));
    }

    /** TorchScript: the row of each distance, from {@code distance}; see {@link #row}. */
    String script() {
        String bucket = "distance";
        if (buckets > 0) {
            int half = buckets / 2;
            String size = "torch.clamp(torch.to(torch.abs(distance), 6), 1)";
            String part = "torch.div(" + logOfShare(size, half) + ", "
                    + logOfShare("torch.full([1], " + (longest - 1) + ", dtype=6)", half) + ")";
            String far = "torch.add(torch.ceil(torch.mul(" + part + ", " + (half - 1) + ")), " + half + ")";
            bucket = "torch.where(torch.le(torch.abs(distance), " + half
                    + "), distance, torch.to(torch.mul(torch.sign(distance), " + far + "), 4))";
        }
        return "torch.clamp(torch.add(" + bucket + ", " + rows() / 2 + "), 0, " + (rows() - 1) + ")";
    }

    private static String logOfShare(String x, int half) {
        return "torch.log(torch.div(" + x + ", " + half + "))";
    }

    private static float log(float x) {
        return (float) StrictMath.log(x);
    }
}
