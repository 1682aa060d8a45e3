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

        ScheduleConfig schedule = job.schedule();
        refuse("schedule.policy", schedule.policy(), schedule.policy() != Policy.EPOCHS, "epochs");
        refuse("schedule.groups", schedule.groups().isPresent(), "leave it out and list events");
        for (String key : schedule.policySettings().keySet()) {
            refuse("schedule." + key, true, "leave it out and list events");
        }
        for (int i = 0; i < schedule.events().size(); i++) {
            ScheduleEvent event = schedule.events().get(i);
            String path = "schedule.events[" + i + "].";
            refuse(path + "step", event.step().isPresent(), "leave it out: events take effect before their epoch");
        }

        ExecutionConfig execution = job.execution();
        ActivationCache cache = execution.activationCache();
        refuse("execution.device", execution.device(), execution.device() == ComputeDevice.GPU, "cpu");
        refuse("execution.activation_cache", cache, cache == ActivationCache.MEMORY, "auto or off");
        refuse("execution.activation_cache", cache, cache == ActivationCache.DISK, "auto or off");

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
