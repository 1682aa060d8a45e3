package org.sparklora.driver.ml;

import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.Params;

/**
 * Params whose setters return their own type, so that calls can be chained from Java as from Scala.
 *
 * <p>A setter checks the range of its value and throws an {@link IllegalArgumentException} that names Param and value. A getter
 * returns the value that was set, else the default; without either it throws {@link java.util.NoSuchElementException}. Call
 * {@code isDefined} to check first.
 *
 * @param <S> the estimator or model itself
 */
public interface ChainedParams<S extends ChainedParams<S>> extends Params {

    /** The Params of this object by name; for use in this package. */
    ParamTable paramTable();

    /**
     * Sets any Param: Spark's {@code set}, with this type as its result.
     *
     * @throws IllegalArgumentException if the value is out of the Param's range, or the Param belongs to another object
     */
    @SuppressWarnings("unchecked")
    default <T> S put(Param<T> param, T value) {
        set(param, value);
        return (S) this;
    }
}
