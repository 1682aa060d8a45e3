/**
 * Spark ML: estimators that train as the command {@code train} does, and models that score any dataset. Open {@link
 * org.sparklora.driver.ml.LoraTextClassifier} first, then {@link org.sparklora.driver.ml.LoraModel}.
 *
 * <p>Names of Params are Spark's where Spark has the thing ({@code maxIter}, {@code stepSize}, {@code labelCol}), else PEFT's
 * in Spark's spelling ({@code r}, {@code loraAlpha}); every other key of a job file is reached by {@code job} and {@code
 * jobOverrides}.
 *
 * <p>Invariant: an estimator puts together a job and hands it over with the rows; it decides nothing of the training, so equal
 * rows, job and seed give the adapter that the command gives, to the byte.
 */
@NullMarked
package org.sparklora.driver.ml;

import org.jspecify.annotations.NullMarked;
