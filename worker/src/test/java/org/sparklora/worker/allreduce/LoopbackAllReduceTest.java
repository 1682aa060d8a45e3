package org.sparklora.worker.allreduce;

import java.util.ArrayList;
import java.util.List;

class LoopbackAllReduceTest extends AllReduceContract {

    @Override
    protected List<Transport> connect(Mailbox[] mailboxes) {
        List<Transport> links = new ArrayList<>();
        for (int rank = 0; rank < mailboxes.length; rank++) {
            links.add(new LoopbackTransport(mailboxes, rank));
        }
        return links;
    }
}
