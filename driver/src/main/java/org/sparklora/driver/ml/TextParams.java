package org.sparklora.driver.ml;

import org.apache.spark.ml.param.Param;

/**
 * Params that estimators and their models share: the columns of texts, of the prediction and of texts' vectors. A model has
 * those of its estimator until it is given others.
 *
 * @param <S> the estimator or model itself
 */
public interface TextParams<S extends TextParams<S>> extends ChainedParams<S> {

    /**
     * Column of the text, or of the first text of a pair; of {@link LoraTokenClassifier} that of the words, an array of texts.
     * Default {@code text}, of words {@code tokens}. In a job file {@code data.train.text}.
     */
    default Param<String> textCol() {
        return paramTable().get("textCol");
    }

    /** The text's column, {@link #textCol}. */
    default String getTextCol() {
        return getOrDefault(textCol());
    }

    /** Sets the text's column, {@link #textCol}. */
    default S setTextCol(String value) {
        return put(textCol(), value);
    }

    /**
     * Column of the second text of a pair, the tokenizer's second segment. Not set: single texts. In a job file {@code
     * data.train.text_pair}.
     */
    default Param<String> textPairCol() {
        return paramTable().get("textPairCol");
    }

    /** The second text's column, {@link #textPairCol}; there is no default. */
    default String getTextPairCol() {
        return getOrDefault(textPairCol());
    }

    /** Sets the second text's column, {@link #textPairCol}. */
    default S setTextPairCol(String value) {
        return put(textPairCol(), value);
    }

    /**
     * Column of a key, a text or a number: each of its values gets an adapter of its own, and a model computes each row with the
     * adapter of its key. {@code data.adapter}. Not set: one adapter for all rows. {@code fit} needs {@link JobParams#outputDir}
     * with it, because executors read adapters from there; of a saved model, from where it lies.
     */
    default Param<String> adapterCol() {
        return paramTable().get("adapterCol");
    }

    /** The key's column, {@link #adapterCol}; there is no default. */
    default String getAdapterCol() {
        return getOrDefault(adapterCol());
    }

    /** Sets the key's column, {@link #adapterCol}. */
    default S setAdapterCol(String value) {
        return put(adapterCol(), value);
    }

    /**
     * Column that predictions are written to, Spark's {@code HasPredictionCol}; null for rows without text. Default {@code
     * prediction}. It holds the class index as a double, the value as a double, the labels or a tag for each word as arrays of
     * texts: whichever the estimator says.
     */
    default Param<String> predictionCol() {
        return paramTable().get("predictionCol");
    }

    /** The prediction's column, {@link #predictionCol}. */
    default String getPredictionCol() {
        return getOrDefault(predictionCol());
    }

    /** Sets the prediction's column, {@link #predictionCol}. */
    default S setPredictionCol(String value) {
        return put(predictionCol(), value);
    }

    /**
     * Column that each text's vector is written to, of the encoder's hidden size [H]; null for rows without text. Not set: none
     * is computed. Models of words have none and refuse it.
     */
    default Param<String> embeddingCol() {
        return paramTable().get("embeddingCol");
    }

    /** The vector's column, {@link #embeddingCol}; there is no default. */
    default String getEmbeddingCol() {
        return getOrDefault(embeddingCol());
    }

    /** Sets the vector's column, {@link #embeddingCol}. */
    default S setEmbeddingCol(String value) {
        return put(embeddingCol(), value);
    }

    /**
     * Type of the frozen layers, {@code float32} or {@code bfloat16}: of an estimator's training, and of a model's predictions.
     * {@code execution.precision}. Not set: an estimator's job decides, and a model predicts as it was trained.
     */
    default Param<String> precision() {
        return paramTable().get("precision");
    }

    /** The type of the frozen layers, {@link #precision}; there is no default. */
    default String getPrecision() {
        return getOrDefault(precision());
    }

    /** Sets the type of the frozen layers, {@link #precision}. */
    default S setPrecision(String value) {
        return put(precision(), value);
    }

    /**
     * How the last layer's [S, H] becomes a text's vector in {@link #embeddingCol}: {@code cls}, the first token's [H], before any
     * pooler; {@code mean}, the mean over the text's tokens, special ones included and padding not. Default {@code cls}.
     */
    default Param<String> pooling() {
        return paramTable().get("pooling");
    }

    /** {@code cls} or {@code mean}, {@link #pooling}. */
    default String getPooling() {
        return getOrDefault(pooling());
    }

    /** Sets {@code cls} or {@code mean}, {@link #pooling}. */
    default S setPooling(String value) {
        return put(pooling(), value);
    }
}
