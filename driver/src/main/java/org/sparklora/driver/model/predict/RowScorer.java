package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.inference.Scorer;

/** Computes output columns of rows: {@link ScoreTexts} from a text, {@link ScoreWords} from an array of words. */
public sealed interface RowScorer extends Serializable permits ScoreTexts, ScoreWords {

    /** Number of output columns. */
    int width();

    /** Returns the output values of each row; null for a row without scores. */
    List<Object @Nullable []> score(Scorer scorer, List<Row> rows);
}
