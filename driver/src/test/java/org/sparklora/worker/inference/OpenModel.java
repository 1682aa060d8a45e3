package org.sparklora.worker.inference;

/** The merged model of this JVM, to see that it is still the one that was opened before. */
public final class OpenModel {

    private OpenModel() {}

    /** An object that is the same as long as the model stays open. */
    public static Object of(TrainedModel trained) {
        String key = trained.key();
        MergedModel open = MergedModels.acquire(key, trained);
        MergedModels.release(key);
        return open;
    }
}
