package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.sparklora.worker.allreduce.PeerException;
import org.sparklora.worker.encoder.ModelException;

class QuotedExceptionTest {

    /** Whichever rank's failure reaches the driver first, the culprit's own exception is in it. */
    @Test
    void findsWhatARankQuotesOfAnother() {
        String reason = "step 4: rank 1 (host:1) failed: " + new ModelException("model.weights", "no such tensor");
        Exception atTheDriver = new IllegalStateException(
                "Job aborted: task 0.0 failed: " + new PeerException(reason) + "\n\tat org.x");
        assertThat(QuotedException.in(String.valueOf(atTheDriver.getMessage())))
                .containsExactly(
                        new QuotedException(PeerException.class.getName(), reason),
                        new QuotedException(ModelException.class.getName(), "no such tensor [model.weights]"));
        PeerException typed = new PeerException(reason);
        assertThat(Failures.isFinal(typed)).as("not to be tried again").isTrue();
        assertThat(Failures.summary(typed)).isEqualTo(reason);
    }
}
