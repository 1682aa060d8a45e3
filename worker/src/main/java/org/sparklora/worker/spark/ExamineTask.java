package org.sparklora.worker.spark;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.SparkEnv;
import org.sparklora.worker.contract.HostException;
import org.sparklora.worker.contract.HostReport;
import org.sparklora.worker.contract.HostReport.Natives;
import org.sparklora.worker.contract.HostReport.Software;
import org.sparklora.worker.contract.ModelSource;
import org.sparklora.worker.encoder.ModelException;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.machine.Machine;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction1;

/** Reports the host and software of its executor. Loads PyTorch's natives, as a step does. Ignores its partition. */
public final class ExamineTask extends AbstractFunction1<Iterator<Integer>, Iterator<HostReport>>
        implements Serializable {

    private static final long serialVersionUID = 1L;

    private final List<ModelSource> models;

    /**
     * Examines executors.
     *
     * @param models base models whose files to list; remote ones are copied to the host, as a run does
     */
    public ExamineTask(List<ModelSource> models) {
        this.models = List.copyOf(models);
    }

    @Override
    public Iterator<HostReport> apply(Iterator<Integer> partition) {
        SparkEnv env = SparkEnv.get();
        Software software = new Software(
                Runtime.version().toString(),
                org.apache.spark.package$.MODULE$.SPARK_VERSION(),
                scala.util.Properties.versionNumberString(),
                jar(),
                natives());
        HostReport report = new HostReport(
                env.executorId(),
                env.blockManager().blockManagerId().host(),
                software,
                Machine.hardware(),
                models.stream().map(ExamineTask::listing).toList());
        return JavaConverters.asScalaIteratorConverter(List.of(report).iterator())
                .asScala();
    }

    private static String listing(ModelSource model) {
        try {
            return Machine.listing(HostModels.directory(model));
        } catch (ModelException | HostException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** The version in the manifest of the application's jar. */
    private static String jar() {
        String version = ExamineTask.class.getPackage().getImplementationVersion();
        return version == null ? "(not packaged)" : version;
    }

    /** Loads PyTorch's natives in this process. */
    public static Natives natives() {
        try {
            return new Natives(true, Torch.version());
        } catch (HostException e) {
            return new Natives(false, String.valueOf(e.getMessage()));
        }
    }
}
