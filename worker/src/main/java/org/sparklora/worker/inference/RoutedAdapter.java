package org.sparklora.worker.inference;

import java.util.Arrays;
import java.util.List;

/**
 * The model of some rows, among several models on one base whose heads may have different classes.
 *
 * @param model with an adapter and a head of its own
 * @param classes the position of each output of the head among the outputs of all models
 */
public record RoutedAdapter(TrainedModel model, List<Integer> classes) {

    public RoutedAdapter {
        classes = List.copyOf(classes);
    }

    /**
     * Moves logits [M, C of this model] to [M, C], and whatever follows the logits of a row behind them. A class that the model does
     * not have gets the most negative float, which is the probability 0.
     *
     * @param width values of each of the M rows
     */
    float[] spread(float[] values, int width, int outputs) {
        int own = classes.size();
        int rows = values.length / width;
        int wide = outputs + width - own;
        float[] spread = new float[rows * wide];
        for (int row = 0; row < rows; row++) {
            Arrays.fill(spread, row * wide, row * wide + outputs, -Float.MAX_VALUE);
            for (int c = 0; c < own; c++) {
                spread[row * wide + classes.get(c)] = values[row * width + c];
            }
            System.arraycopy(values, row * width + own, spread, row * wide + outputs, width - own);
        }
        return spread;
    }
}
