/**
 * From files to tokenised shards: read, check, learn the labels, deal the rows.
 *
 * <p>Open {@link org.sparklora.driver.cluster.data.TrainingData} first. {@link org.sparklora.driver.cluster.data.SourceReader} makes a
 * table of text, label, file and row of any format; {@link org.sparklora.driver.cluster.data.ClassLabels} turns labels into class
 * indices, {@link org.sparklora.driver.cluster.data.LabelSets} and {@link org.sparklora.driver.cluster.data.TagSequences} lists of them; {@link org.sparklora.driver.cluster.data.TrainingData} deals the rows to S shards;
 * {@link org.sparklora.driver.cluster.data.EvaluationData} keeps their order, so that predictions can be put back.
 *
 * <p>Invariants: a shard's content depends on the rows' content and the seed, never on how Spark cut the input, on the
 * number of executors or, where the order is {@code shuffled}, on the order of the rows. Every problem of the data is a
 * {@link org.sparklora.driver.cluster.data.DataException} thrown on the driver, and names file and row.
 */
@NullMarked
package org.sparklora.driver.cluster.data;

import org.jspecify.annotations.NullMarked;
