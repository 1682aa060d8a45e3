package org.sparklora.driver.job.config;

import java.util.List;

/** Values of the job file that this version does not have yet. A feature that arrives deletes its lines here. */
final class Unavailable {

    /** What heads are made of; which of them a model's own is, the model tells. */
    private static final List<String> HEAD_MODULES = List.of("classifier", "pre_classifier");

    private final Problems problems;

    private Unavailable(Problems problems) {
        this.problems = problems;
    }

    static void check(JobConfig job, Problems problems) {
        new Unavailable(problems).check(job);
    }

    private void check(JobConfig job) {
        boolean smoothed = job.training().labelSmoothingFactor() > 0;
        refuse(
                "training.label_smoothing_factor with model.task='multi_label'",
                smoothed && job.model().task() == Task.MULTI_LABEL,
                "leave it out");

        List<String> toSave = job.lora().modulesToSave();
        refuse(
                "lora.modules_to_save=" + toSave,
                !HEAD_MODULES.containsAll(toSave),
                "use [classifier], [pre_classifier, classifier] for DistilBERT, or []");

        ExecutionConfig execution = job.execution();
        refuse("execution.device", execution.device(), execution.device() == ComputeDevice.GPU, "cpu");
    }

    private void refuse(String key, Enum<?> value, boolean given, String instead) {
        refuse(key + "='" + YamlSection.word(value) + "'", given, "use " + instead);
    }

    private void refuse(String what, boolean given, String instead) {
        if (given) {
            problems.add(what + " is not available in this version; " + instead);
        }
    }
}
