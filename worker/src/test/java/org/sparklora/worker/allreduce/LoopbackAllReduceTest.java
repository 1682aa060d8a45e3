package org.sparklora.worker.allreduce;

import java.util.ArrayList;
import java.util.List;

class LoopbackAllReduceTest extends AllReduceContract {

    @Override
    protected List<Links> connect(Mailbox[] mailboxes) {
        List<Links> links = new ArrayList<>();
        for (int rank = 0; rank < mailboxes.length; rank++) {
            links.add(new LoopbackLinks(mailboxes, rank));
        }
        return links;
    }
}
