package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.worker.spark.HostModels;

/** A model that is saved with its base on a file system that only the session's own settings name. */
class RemoteSavedModelTest {

    @TempDir
    private Path folder;

    @Test
    void aModelWithItsBaseOnARemoteFileSystemPredictsTheSame() throws IOException {
        SparkSession.Builder session = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "4")
                .config(HostModels.DIRECTORY, folder.resolve("copies").toString());
        // A view of the local folder, which Hadoop's own settings do not know.
        session.config(
                "spark.hadoop.fs.viewfs.mounttable.lora.link./models",
                folder.toUri().toString());
        SparkSession spark = session.getOrCreate();
        try {
            String remote = "viewfs://lora/models/saved";
            Dataset<Row> rows = LocalSpark.rows(spark, 8, 1);
            LoraTextClassificationModel model =
                    LocalSpark.classifier().setMaxIter(1).setEmbedBase(true).fit(LocalSpark.rows(spark, 16, 1));
            List<Row> before = model.transform(rows).collectAsList();
            model.save(remote);
            assertThat(folder.resolve("saved/base/model.safetensors")).exists();
            assertThat(folder.resolve("copies")).doesNotExist();
            assertThat(LoraTextClassificationModel.load(remote).transform(rows).collectAsList())
                    .isEqualTo(before);
            assertThat(folder.resolve("copies")).isNotEmptyDirectory();
        } finally {
            spark.stop();
        }
    }
}
