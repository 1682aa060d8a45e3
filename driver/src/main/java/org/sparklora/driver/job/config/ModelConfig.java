package org.sparklora.driver.job.config;

import java.util.List;
import java.util.Optional;

/**
 * The base model and what it is tuned for.
 *
 * @param path Hugging Face directory, absolute or with a scheme, or a {@link HubId}; not looked into here
 * @param labels label texts in the order of the head's outputs; empty: learnt from the training data
 * @param maxLength tokens per example, special tokens included
 */
public record ModelConfig(String path, Task task, Optional<List<String>> labels, int maxLength) {

    public ModelConfig {
        labels = labels.map(List::copyOf);
    }
}
