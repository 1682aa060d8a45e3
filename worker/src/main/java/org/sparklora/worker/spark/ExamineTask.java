package org.sparklora.worker.spark;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.SparkEnv;
import org.sparklora.worker.contract.HostReport;
import org.sparklora.worker.contract.HostReport.Natives;
import org.sparklora.worker.contract.HostReport.Software;
import org.sparklora.worker.engine.Torch;
import org.sparklora.worker.machine.Machine;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.runtime.AbstractFunction1;

/** Says what its executor runs on, whatever its partition holds. Loads PyTorch's natives, as a step would. */
public final class ExamineTask extends AbstractFunction1<Iterator<Integer>, Iterator<HostReport>>
        implements Serializable {

    private static final long serialVersionUID = 1L;

    private final List<String> folders;

    /**
     * @param folders local folders to tell the contents of
     */
    public ExamineTask(List<String> folders) {
        this.folders = List.copyOf(folders);
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
                folders.stream().map(folder -> Machine.listing(Path.of(folder))).toList());
        return JavaConverters.asScalaIteratorConverter(List.of(report).iterator())
                .asScala();
    }

    /** The version in the job jar's manifest. */
    private static String jar() {
        String version = ExamineTask.class.getPackage().getImplementationVersion();
        return version == null ? "(not packaged)" : version;
    }

    private static Natives natives() {
        try {
            return new Natives(true, Torch.version());
        } catch (RuntimeException | LinkageError e) {
            return new Natives(false, e.toString().lines().findFirst().orElse("without a message"));
        }
    }
}
