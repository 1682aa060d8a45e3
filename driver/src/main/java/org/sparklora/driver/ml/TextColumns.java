package org.sparklora.driver.ml;

import java.util.List;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.param.Params;
import org.sparklora.worker.inference.TextScorer.Pooling;

/** The Params of {@link TextParams}, created once for each estimator or model. */
class TextColumns {

    final Param<String> textCol;
    final Param<String> textPairCol;
    final Param<String> predictionCol;
    final Param<String> embeddingCol;
    final Param<String> pooling;

    TextColumns(Params parent) {
        textCol = new Param<>(parent, "textCol", "column of the text, or of the first text of a pair");
        textPairCol = new Param<>(parent, "textPairCol", "column of the second text of a pair; not set: single texts");
        predictionCol = new Param<>(
                parent, "predictionCol", "column for the prediction: the class index, or the value; null without text");
        embeddingCol =
                new Param<>(parent, "embeddingCol", "column for each text's vector [H]; not set: none is computed");
        pooling = new Param<>(
                parent,
                "pooling",
                "what embeddingCol holds: cls, the last layer's result for the first token, or mean, that of all"
                        + " tokens",
                ParamValidators.inArray(List.of("cls", "mean").toArray()));
        parent.setDefault(textCol, "text");
        parent.setDefault(predictionCol, "prediction");
        parent.setDefault(pooling, "cls");
    }

    /** What {@code pooling} means. */
    static Pooling pooling(String value) {
        return value.equals("mean") ? Pooling.MEAN : Pooling.CLS;
    }
}
