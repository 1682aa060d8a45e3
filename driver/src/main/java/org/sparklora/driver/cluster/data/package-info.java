/**
 * Data preparation: from files or datasets to tokenized shards. Open {@link org.sparklora.driver.cluster.data.TrainingData}
 * first.
 *
 * <p>{@link org.sparklora.driver.cluster.data.SourceReader} reads any format into one table of text, label, file and row.
 * {@link org.sparklora.driver.cluster.data.LabelCodec} checks and encodes labels. Then {@code TrainingData} divides the rows
 * into {@link org.sparklora.driver.cluster.data.Shards}, or {@code Shards.inOrder} keeps their order, so that predictions can
 * be put back in order.
 *
 * <p>Invariants: the content of a shard depends on the content of the rows and on the seed. It does not depend on how Spark
 * partitions the input, on the number of executors or, with order {@code shuffled}, on the order of the rows. Every problem of
 * the data is a {@link org.sparklora.driver.cluster.data.DataException}, thrown on the driver, which names file and row.
 */
@NullMarked
package org.sparklora.driver.cluster.data;

import org.jspecify.annotations.NullMarked;
