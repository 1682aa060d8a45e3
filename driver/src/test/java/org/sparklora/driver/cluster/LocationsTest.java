package org.sparklora.driver.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.SparkConf;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sparklora.driver.run.history.LocalRunDirectory;
import org.sparklora.driver.run.history.OutputException;
import org.sparklora.driver.run.history.RunDirectory;

class LocationsTest {

    @TempDir
    Path folder;

    private static SparkConf master(String master) {
        SparkConf spark = new SparkConf(false).set("spark.master", master);
        FaultyFileSystem.SETTINGS.forEach((key, value) -> spark.set("spark.hadoop." + key, value));
        return spark;
    }

    private static SparkConf withDefault(String master) {
        return master(master).set("spark.hadoop.fs.defaultFS", "faulty://default");
    }

    @Test
    void aPathWithoutSchemeIsLocalUnderALocalMaster() {
        for (String master : new String[] {"local", "local[2]", "local[*]", "local[2,3]"}) {
            assertThat(Locations.directory("out/run", withDefault(master)))
                    .as(master)
                    .isInstanceOf(LocalRunDirectory.class)
                    .extracting(RunDirectory::location)
                    .isEqualTo("out/run");
        }
        assertThat(Locations.directory("out/run", new SparkConf(false))).isInstanceOf(LocalRunDirectory.class);
    }

    @Test
    void aPathWithoutSchemeIsOnTheDefaultFileSystemOfACluster() throws IOException {
        for (String master : new String[] {"local-cluster[2,1,1536]", "spark://host:7077", "yarn", "k8s://host"}) {
            RunDirectory directory = Locations.directory(folder + "/run", withDefault(master));
            assertThat(directory.location()).as(master).isEqualTo("faulty://default" + folder + "/run");
            directory.write("adapter/a", new byte[] {1, 2});
            assertThat(Files.readAllBytes(folder.resolve("run/adapter/a"))).containsExactly(1, 2);
        }
    }

    @Test
    void aDefaultFileSystemThatIsLocalMeansLocal() {
        assertThat(Locations.directory("/out/run", master("yarn"))).isInstanceOf(LocalRunDirectory.class);
    }

    @Test
    void aSchemeDecidesUnderEveryMaster() {
        for (String master : new String[] {"local[2]", "yarn"}) {
            assertThat(Locations.directory("file:///out/run", withDefault(master))
                            .location())
                    .isEqualTo("/out/run");
            assertThat(Locations.directory("file:/out/my%20run", withDefault(master))
                            .location())
                    .isEqualTo("/out/my run");
            assertThat(Locations.directory("faulty://other/out/my run", withDefault(master))
                            .location())
                    .isEqualTo("faulty://other/out/my run");
        }
    }

    @Test
    void aSchemeThatNobodyKnowsIsNamed() {
        assertThatThrownBy(() -> Locations.directory("nowhere://host/run", master("local[2]")))
                .isInstanceOf(OutputException.class)
                .hasMessageContainingAll("nowhere://host/run", "\"nowhere\"", "--packages");
    }
}
