/**
 * "Did you mean": {@link org.sparklora.driver.job.text.NearMiss} finds the known name that a user probably meant, for every
 * message about a key, a group, a module, a column or a label that is not there. Knows the JDK only.
 */
@NullMarked
package org.sparklora.driver.job.text;

import org.jspecify.annotations.NullMarked;
