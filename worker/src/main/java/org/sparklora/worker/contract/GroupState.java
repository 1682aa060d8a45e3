package org.sparklora.worker.contract;

import java.util.Locale;

/** The state of a group. Legal moves: dormant → live, live → frozen, frozen → live. */
public enum GroupState {
    /** Never trained, B = 0: not allocated, computed, sent or saved in the adapter. */
    DORMANT,
    /** Trains. */
    LIVE,
    /** Trained before: it takes part in the forward pass, but has no gradient, no decay and no part in the clip norm. */
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
