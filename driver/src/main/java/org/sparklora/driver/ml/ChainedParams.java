package org.sparklora.driver.ml;

import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.Params;

/**
 * Params whose setters return their own type, so that calls can be chained from Java as from Scala.
 *
 * <p>A setter checks its value's range at once: {@link IllegalArgumentException}, naming Param and value. A getter answers with
 * the value that was set, else with the default; where there is neither, with {@link java.util.NoSuchElementException}, and
 * {@code isDefined} tells beforehand.
 *
 * @param <S> the estimator or model itself
 */
public interface ChainedParams<S extends ChainedParams<S>> extends Params {

    /**
     * Sets any Param of this: {@code set} of Spark, which in Java forgets whose it was.
     *
     * @throws IllegalArgumentException where the value is out of the Param's range, or the Param another's
     */
    @SuppressWarnings("unchecked")
    default <T> S put(Param<T> param, T value) {
        set(param, value);
        return (S) this;
    }
}
