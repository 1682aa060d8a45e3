package org.sparklora.driver.ml;

import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.Params;

/** Params that estimators and their models share: the columns of texts and of the prediction. */
public interface TextParams extends Params {

    /** Column of the text, or of the first text of a pair. */
    Param<String> textCol();

    /** Column of the second text of a pair. */
    Param<String> textPairCol();

    /** Column that predictions are written to. */
    Param<String> predictionCol();

    /** Column that each text's vector is written to. */
    Param<String> embeddingCol();

    /** What stands for a whole text in {@link #embeddingCol}. */
    Param<String> pooling();

    default String getTextCol() {
        return getOrDefault(textCol());
    }

    default String getTextPairCol() {
        return getOrDefault(textPairCol());
    }

    default String getPredictionCol() {
        return getOrDefault(predictionCol());
    }

    default String getEmbeddingCol() {
        return getOrDefault(embeddingCol());
    }

    default String getPooling() {
        return getOrDefault(pooling());
    }
}
