/**
 * Models and adapters that a job names by their id on a hub, such as huggingface.co. Open {@link
 * org.sparklora.driver.model.hub.Hub}. {@code HubCache} is the folder on disk, in huggingface_hub's layout, so that both use each
 * other's downloads; {@code HubClient} speaks HTTP; {@code HubFiles} lists the files that are read.
 *
 * <p>Invariants: only the driver's process talks to a hub. The token is sent to the hub's own address and nowhere else; it is in
 * no message, setting or file. A file gets its name in the cache only after its content matched its digest.
 */
@NullMarked
package org.sparklora.driver.model.hub;

import org.jspecify.annotations.NullMarked;
