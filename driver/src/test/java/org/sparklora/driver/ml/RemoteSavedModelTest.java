package org.sparklora.driver.ml;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.apache.spark.SparkEnv;
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

    /** On a cluster, a path without a scheme is on the default file system. The run of such a fit is not left there. */
    @Test
    void aFitWithoutOutputDirectoryLeavesNothingOnTheDefaultFileSystem() throws IOException {
        Path remote = Files.createDirectories(folder.resolve("remote"));
        Path temporary = Files.createDirectories(folder.resolve("temporary"));
        SparkSession spark = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "4")
                .config("spark.hadoop.fs.defaultFS", "viewfs://lora/")
                .config(
                        "spark.hadoop.fs.viewfs.mounttable.lora.link./tmp",
                        remote.toUri().toString())
                .config(
                        "spark.hadoop.fs.viewfs.mounttable.lora.link." + temporary,
                        remote.toUri().toString())
                .getOrCreate();
        String before = System.getProperty("java.io.tmpdir");
        System.setProperty("java.io.tmpdir", temporary.toString());
        // What decides where a path without a scheme is.
        SparkEnv.get().conf().set("spark.master", "spark://elsewhere:7077");
        try {
            LoraTextClassifier classifier = LocalSpark.classifier()
                    .setBaseModel(
                            "file:" + LocalSpark.TINY_MODEL.toAbsolutePath().normalize());
            Dataset<Row> rows = LocalSpark.rows(spark, 16, 1);
            assertThat(classifier.setMaxIter(1).fit(rows).labels()).containsExactly("no", "yes");
            assertThatThrownBy(() ->
                            classifier.setLabels(new String[] {"yes", "on"}).fit(rows))
                    .hasMessageContaining("[data.label.unseen]");
            assertThat(remote).isEmptyDirectory();
            try (Stream<Path> left = Files.list(temporary)) {
                assertThat(left.map(file -> file.getFileName().toString()))
                        .noneMatch(name -> name.startsWith("spark-lora"));
            }
        } finally {
            System.setProperty("java.io.tmpdir", before);
            spark.stop();
        }
    }
}
