/**
 * MPNet (Song et al. 2020, arXiv:2004.09297). Open {@link org.sparklora.worker.encoder.mpnet.MpnetEncoder} first.
 */
@NullMarked
package org.sparklora.worker.encoder.mpnet;

import org.jspecify.annotations.NullMarked;
