package org.sparklora.driver.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.sparklora.driver.training.ExitCode;

/** scripts/emr against a stand-in of the AWS CLI. */
class EmrScriptsTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;

    private CloudStandIn cloud;

    @BeforeEach
    void makeCloud() throws IOException {
        cloud = new CloudStandIn(folder);
    }

    private List<String> create(Path file, String... more) {
        List<String> command =
                CloudStandIn.command("emr/create-cluster", "--bucket", "s3://ours/lora/", "--package", file.toString());
        command.addAll(Arrays.asList(more));
        return command;
    }

    @Test
    void aClusterIsMadeWithThePackageAndItsBootstrapAction() throws Exception {
        Path file = cloud.emptyPackage();
        String[] digest = cloud.digest(file);
        String said = cloud.script()
                .succeed(create(
                        file, "--model", "s3://ours/models/mini", "--subnet-id", "subnet-1", "--idle-minutes", "7"));
        assertThat(JSON.readTree(said).get("ClusterId").asText()).isEqualTo("j-STANDIN");
        String at = "s3://ours/lora/" + digest[0];
        assertThat(cloud.calls())
                .containsExactly(
                        "aws s3 cp --only-show-errors " + file + " " + at + "/package.tar.gz",
                        "aws s3 cp --only-show-errors " + Script.of("emr/bootstrap") + " " + at + "/bootstrap",
                        "aws emr create-cluster --name spark-lora --release-label emr-7.9.0 --applications Name=Spark"
                                + " --instance-type m5.xlarge --instance-count 3 --use-default-roles --log-uri"
                                + " s3://ours/lora/logs/ --auto-termination-policy IdleTimeout=420 --bootstrap-actions"
                                + " Name=spark-lora,Path=" + at + "/bootstrap,Args=[" + at + "/package.tar.gz,"
                                + digest[1] + ",s3://ours/models/mini] --ec2-attributes SubnetId=subnet-1");
    }

    @Test
    void theBootstrapActionPutsPackageAndModelsToTheirPlaceOnce() throws Exception {
        Path file = cloud.emptyPackage();
        cloud.storeModel("s3://ours/models/mini");
        cloud.script().succeed(create(file, "--model", "s3://ours/models/mini"));
        Path node = folder.resolve("node/spark-lora");
        List<String> action = bootstrap(node);

        assertThat(cloud.script().succeed(action)).isEqualTo("install: spark-lora 9 is in " + node);
        assertThat(node.resolve("models/mini/config.json")).exists();
        assertThat(node.resolve("cache")).isDirectory();
        String installed = Files.readString(node.resolve("INSTALLED"));
        Path mark = Files.writeString(node.resolve("cache/libtorch.so"), "unpacked");

        assertThat(cloud.script().succeed(action)).isEqualTo("install: spark-lora 9 is already in " + node);
        assertThat(mark).exists();
        assertThat(node.resolve("INSTALLED")).hasContent(installed);

        // Half of it is not it.
        Files.writeString(node.resolve("VERSION"), "something else");
        assertThat(cloud.script().succeed(action)).isEqualTo("install: spark-lora 9 is in " + node);
        assertThat(node.resolve("VERSION")).hasContent("spark-lora 9\n");
        assertThat(node.resolve("models/mini/config.json")).exists();
    }

    /** The bootstrap action that the cluster was made with, as a node runs it. */
    private List<String> bootstrap(Path node) throws IOException {
        cloud.script().with("SPARK_LORA_HOME", node.toString());
        String call = cloud.calls().get(cloud.calls().size() - 1);
        String path = call.replaceFirst(".*,Path=([^,]+),.*", "$1");
        List<String> action = new ArrayList<>(List.of("bash", cloud.stored(path).toString()));
        action.addAll(List.of(call.replaceFirst(".*Args=\\[([^]]+)].*", "$1").split(",")));
        return action;
    }

    @Test
    void aPackageOfAnotherDigestIsNotUnpacked() throws Exception {
        Path file = cloud.emptyPackage();
        String[] digest = cloud.digest(file);
        cloud.script().succeed(create(file));
        Path node = folder.resolve("node");
        List<String> action = bootstrap(node);
        String uri = "s3://ours/lora/" + digest[0] + "/package.tar.gz";
        Files.writeString(cloud.stored(uri), "half of it");
        String half = cloud.digest(cloud.stored(uri))[1];

        TrainingJob.Ended ended = cloud.script().run(action);
        assertThat(ended.code()).isEqualTo(1);
        assertThat(ended.err())
                .startsWith("bootstrap: ")
                .contains(uri, half, digest[1])
                .hasLineCount(1);
        assertThat(node).doesNotExist();
    }

    @Test
    void aFolderWithoutAModelIsNoModel() throws Exception {
        Path file = cloud.emptyPackage();
        Files.createDirectories(cloud.stored("s3://ours/models"));
        cloud.script().succeed(create(file, "--model", "s3://ours/models"));
        TrainingJob.Ended ended = cloud.script().run(bootstrap(folder.resolve("node")));
        assertThat(ended.code()).isEqualTo(1);
        assertThat(ended.err())
                .startsWith("bootstrap: ")
                .contains("s3://ours/models", "config.json")
                .hasLineCount(1);
    }

    @Test
    void theStepIsThatOfStepJson() throws Exception {
        String said = cloud.script()
                .succeed(CloudStandIn.command(
                        "emr/submit",
                        "--cluster-id",
                        "j-1",
                        "--",
                        "train",
                        "--config",
                        "s3://BUCKET/FOLDER/job.yaml",
                        "--output",
                        "s3://BUCKET/FOLDER/run",
                        "--resume"));
        assertThat(JSON.readTree(said).at("/StepIds/0").asText()).isEqualTo("s-STANDIN");
        assertThat(cloud.calls())
                .singleElement()
                .asString()
                .startsWith("aws emr add-steps --cluster-id j-1 --steps file://");
        assertThat(step()).isEqualTo(JSON.readTree(Files.readString(Path.of(Script.of("emr/step.json")))));
    }

    private JsonNode step() throws IOException {
        return JSON.readTree(Files.readString(cloud.stored("steps.json")));
    }

    @Test
    void aJobFileOfThisMachineIsUploadedAndTheEndOfTheStepAwaited() throws Exception {
        Path job = Files.writeString(folder.resolve("job \"1\".yaml"), "name: one\n");
        String uri = "s3://ours/jobs/" + cloud.digest(job)[0] + "/job \"1\".yaml";
        List<String> command = CloudStandIn.command(
                "emr/submit",
                "--cluster-id",
                "j-1",
                "--bucket",
                "s3://ours",
                "--name",
                "first",
                "--wait",
                "--",
                "plan",
                "--config",
                job.toString(),
                "--",
                "--num-executors",
                "3");
        assertThat(cloud.script().succeed(command)).isEqualTo("s-STANDIN");
        assertThat(cloud.stored(uri)).hasContent("name: one\n");
        assertThat(step().at("/0/Name").asText()).isEqualTo("first");
        assertThat(step().at("/0/Args"))
                .extracting(JsonNode::asText)
                .containsExactly(
                        "/opt/spark-lora/submit",
                        "--settings",
                        "emr",
                        "plan",
                        "--config",
                        uri,
                        "--",
                        "--num-executors",
                        "3");
        assertThat(cloud.calls().get(2)).isEqualTo("aws emr wait step-complete --cluster-id j-1 --step-id s-STANDIN");

        assertThat(cloud.script().with("STUB_STEP_CODE", "255").run(command).code())
                .as("a step that failed")
                .isEqualTo(255);
    }

    @Test
    void aDryRunCallsNobody() throws Exception {
        Path file = cloud.emptyPackage();
        assertThat(cloud.script().succeed(create(file, "--dry-run")).lines())
                .hasSize(3)
                .allMatch(line -> line.startsWith("aws "));
        assertThat(cloud.script()
                        .succeed(CloudStandIn.command(
                                "emr/submit", "--cluster-id", "j-1", "--dry-run", "--wait", "--", "doctor")))
                .contains("\"doctor\"", "aws emr add-steps --cluster-id j-1", "aws emr wait step-complete");
        assertThat(cloud.calls()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            emr/create-cluster |                                                       | create-cluster: --bucket s3://BUCKET/FOLDER is required
            emr/create-cluster | --bucket gs://ours                                    | create-cluster: --bucket s3://BUCKET/FOLDER is required
            emr/create-cluster | --bucket s3://a --release-label emr-6.15.0            | create-cluster: --release-label emr-6.15.0: the jar is for Spark 3.5 on Scala 2.12 and Java 17, which emr-7 releases have
            emr/create-cluster | --bucket s3://a --instance-count 1                    | create-cluster: --instance-count must be 2 or more (a primary node and core nodes), not 1
            emr/create-cluster | --bucket s3://a --idle-minutes x                      | create-cluster: --idle-minutes must be 1 or more, not x
            emr/create-cluster | --bucket s3://a --model /models/mini                  | create-cluster: --model /models/mini is not an s3:// folder; upload the model with aws s3 sync first
            emr/create-cluster | --bucket s3://a --package none.tar.gz                 | create-cluster: the package none.tar.gz does not exist; write it with scripts/package
            emr/create-cluster | --bucket                                              | create-cluster: --bucket needs a value
            emr/create-cluster | --spot yes                                            | create-cluster: unknown option '--spot'
            emr/submit         | -- train                                              | submit: --cluster-id is required
            emr/submit         | --cluster-id j-1                                      | submit: put the command to run after --
            emr/submit         | --cluster-id j-1 -- train --config none.yaml          | submit: the job file none.yaml does not exist
            emr/submit         | --cluster-id j-1 -- train --config calls              | submit: --config calls is a local file; give --bucket s3://BUCKET/FOLDER to upload it
            emr/bootstrap      | s3://a/package.tar.gz                                 | Usage: bootstrap s3://BUCKET/spark-lora-VERSION.tar.gz SHA256 [s3://BUCKET/MODEL]...
            """)
    void wrongUseIsRefusedWithWhatToDo(String script, String arguments, String message) throws Exception {
        List<String> command = CloudStandIn.command(script, arguments == null ? new String[0] : arguments.split(" +"));
        TrainingJob.Ended ended = cloud.script().run(command);
        assertThat(ended.err().lines().findFirst()).contains(message);
        assertThat(ended.code()).isEqualTo(ExitCode.USAGE.code());
        assertThat(cloud.calls()).isEmpty();
    }
}
