package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.StorageStatistics;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.sparklora.driver.cluster.HadoopRunDirectory;
import org.sparklora.driver.run.history.RunDirectory;

/** HDFS: a name node, which is restarted, and a data node in this JVM. 85 seconds of processor time, a minute on two cores. */
@Tag("clusters")
class HdfsIT extends RemoteRunContract {

    /** Hadoop's count of the calls that do not replace a file. */
    private static final String RENAMES = StorageStatistics.CommonStatisticNames.OP_RENAME;

    private static MiniDFSCluster cluster;

    @BeforeAll
    static void startHdfs() throws IOException {
        Configuration hdfs = new Configuration();
        hdfs.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, folder.resolve("hdfs").toString());
        hdfs.set("dfs.namenode.rpc-bind-host", "127.0.0.1");
        cluster = new MiniDFSCluster.Builder(hdfs).build();
    }

    @AfterAll
    static void stopHdfs() {
        if (cluster != null) {
            cluster.shutdown();
        }
    }

    @Override
    FileSystem files() throws IOException {
        return cluster.getFileSystem();
    }

    @Override
    Path root() {
        return new Path(cluster.getURI().resolve("/user/lora"));
    }

    @Override
    List<String> options() {
        return List.of(
                // As docs/failures.md says for an HDFS with one name node.
                "--conf",
                "spark.hadoop.dfs.client.retry.policy.enabled=true",
                // Tries again after about 0.2 s instead of 10.
                "--conf",
                "spark.hadoop.dfs.client.retry.policy.spec=200,1000");
    }

    @Override
    void stopServer() {
        cluster.shutdownNameNode(0);
    }

    /** Returns while the name node is in safe mode: it waits for the data node's blocks and refuses writes. */
    @Override
    void startServer() {
        try {
            cluster.restartNameNode(0, false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** HDFS refuses a rename onto an existing file, and its name node logs a warning. A run would cause one at every commit. */
    @Test
    void noWriteAsksForARenameThatHdfsRefuses() throws IOException {
        StorageStatistics calls = files().getStorageStatistics();
        RunDirectory directory = new HadoopRunDirectory(files(), new Path(root(), "renames"));
        Long before = calls.getLong(RENAMES);
        directory.write("status.json", new byte[1]);
        directory.write("status.json", new byte[2]);
        assertThat(directory.read("status.json")).hasSize(2);
        assertThat(calls.getLong(RENAMES)).isEqualTo(before);
    }

    @Override
    String unanswered() {
        return "Retrying connect to server";
    }
}
