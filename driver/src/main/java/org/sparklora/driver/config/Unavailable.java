package org.sparklora.driver.config;

import java.util.List;

/** Values of the job file that this version does not have yet. A feature that arrives deletes its lines here. */
final class Unavailable {

    private final Problems problems;

    private Unavailable(Problems problems) {
        this.problems = problems;
    }

    static void check(JobConfig job, Problems problems) {
        new Unavailable(problems).check(job);
    }

    private void check(JobConfig job) {
        Task task = job.model().task();
        refuse("model.task", task, task == Task.MULTI_LABEL, "classification or regression");
        refuse("model.task", task, task == Task.TOKEN_CLASSIFICATION, "classification or regression");

        List<String> toSave = job.lora().modulesToSave();
        boolean headOrNothing = toSave.isEmpty() || toSave.equals(List.of("classifier"));
        refuse("lora.modules_to_save=" + toSave, !headOrNothing, "use [classifier] or []");

        ExecutionConfig execution = job.execution();
        refuse("execution.device", execution.device(), execution.device() == ComputeDevice.GPU, "cpu");

        refuse("tracking.mlflow", job.tracking().mlflow().isPresent(), "leave it out");
        refuse("tracking.tensorboard", job.tracking().tensorboard().isPresent(), "leave it out");
    }

    private void refuse(String key, Enum<?> value, boolean given, String instead) {
        refuse(key + "='" + Section.word(value) + "'", given, "use " + instead);
    }

    private void refuse(String what, boolean given, String instead) {
        if (given) {
            problems.add(what + " is not available in this version; " + instead);
        }
    }
}
