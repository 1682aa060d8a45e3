/** What is read from Spark's sentences about failures, for all packages that call Spark. */
@NullMarked
package org.sparklora.driver.cluster.failure;

import org.jspecify.annotations.NullMarked;
