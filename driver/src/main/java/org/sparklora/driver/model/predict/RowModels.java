package org.sparklora.driver.model.predict;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.Row;
import org.sparklora.worker.inference.Scorer;
import org.sparklora.worker.inference.TextScorer;
import org.sparklora.worker.inference.TrainedModel;
import org.sparklora.worker.spark.HostModels;
import org.sparklora.worker.spark.Shared;

/** Which model computes a row: one for all rows, or that of the row's key. */
public sealed interface RowModels extends Serializable permits RowModels.One, KeyedModels {

    /** Opens the models for one task on this executor. */
    Opened open();

    /** The models of one task. Not thread-safe. */
    interface Opened extends AutoCloseable {

        /** A scorer of some rows, each with its model. It is valid until this is closed. */
        Scorer of(List<Row> rows);

        @Override
        void close();
    }

    /**
     * One model for all rows.
     *
     * @param sharesTrunk whether it is one of several models that score the same rows
     */
    record One(Shared<TrainedModel> model, boolean sharesTrunk) implements RowModels {

        @Override
        public Opened open() {
            TextScorer scorer = TextScorer.open(HostModels.here(model.value()), sharesTrunk);
            return new Opened() {

                @Override
                public Scorer of(List<Row> rows) {
                    return scorer;
                }

                @Override
                public void close() {
                    scorer.close();
                }
            };
        }
    }
}
