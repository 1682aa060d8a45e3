package org.sparklora.driver.job.fts;

import java.util.List;
import org.sparklora.driver.job.manifest.LinearModule;

/**
 * What the model side says about the model that a schedule of finetuning-scheduler is for.
 *
 * @param linears Linears of the encoder that can be adapted
 * @param parameters every parameter by its Hugging Face name, e.g. {@code bert.embeddings.LayerNorm.weight}; without the
 *     head's, a Linear {@code classifier} is assumed
 */
public record FtsModel(List<LinearModule> linears, List<String> parameters) {

    public FtsModel {
        linears = List.copyOf(linears);
        parameters = List.copyOf(parameters);
    }
}
