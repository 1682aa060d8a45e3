package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.Row;
import org.jspecify.annotations.Nullable;
import org.sparklora.worker.inference.TextScorer;

/** What of a row is scored, and what is written beside it. */
public interface RowScorer extends Serializable {

    /** Number of columns that are written. */
    int width();

    /** Their values, row by row; null for a row without text. */
    List<Object @Nullable []> score(TextScorer scorer, List<Row> rows);
}
