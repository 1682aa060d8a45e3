package org.sparklora.worker.contract;

import java.util.Locale;

/** What a group is at one moment of a run. Legal moves: dormant → live, live → frozen, frozen → live. */
public enum GroupState {
    /** Never trained, B = 0: not allocated, not computed, not sent, not saved in the adapter. */
    DORMANT,
    /** Trains. */
    LIVE,
    /** Trained before: contributes to the forward pass, has no gradient, no decay, no part in the clip norm. */
    FROZEN;

    /** Whether a run may take a group from this state to {@code next}. */
    public boolean mayBecome(GroupState next) {
        return next == LIVE ? this != LIVE : this == LIVE && next == FROZEN;
    }

    /** Lower-case name, as files and messages spell it. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
