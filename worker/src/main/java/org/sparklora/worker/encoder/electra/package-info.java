/**
 * ELECTRA (Clark et al. 2020, arXiv:2003.10555). Open {@link org.sparklora.worker.encoder.electra.ElectraEncoder} first.
 */
@NullMarked
package org.sparklora.worker.encoder.electra;

import org.jspecify.annotations.NullMarked;
