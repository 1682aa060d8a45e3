package org.sparklora.driver.model.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.sparklora.driver.job.config.HubId;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.encoder.ModelException;

/** Downloads from a hub on loopback, and the cache that they leave. */
class HubTest {

    private static final String TOKEN = "hf_secretOfThisTest";
    private static final String ID = "owner/model";
    private static final byte[] WEIGHTS = content(300_000);

    @TempDir
    private Path folder;

    private final HubServer server = new HubServer();
    private final Map<String, String> variables = new TreeMap<>();
    private final List<Duration> waits = new ArrayList<>();
    private final List<String> shown = new ArrayList<>();

    @BeforeEach
    void setVariables() {
        variables.put("HF_ENDPOINT", server.endpoint() + "/");
        variables.put("HF_HOME", folder.resolve("home").toString());
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static byte[] content(int bytes) {
        byte[] content = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            content[i] = (byte) (i * 31 + (i >> 8));
        }
        return content;
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private String push(String... names) {
        Map<String, byte[]> files = new TreeMap<>();
        for (String name : names) {
            files.put(name, name.endsWith("safetensors") ? WEIGHTS : text("of " + name));
        }
        return server.push(ID, files);
    }

    private String pushModel() {
        return push(
                "config.json",
                "model.safetensors",
                "pytorch_model.bin",
                "tf_model.h5",
                "tokenizer.json",
                "vocab.txt",
                "modeling.py",
                "README.md",
                "onnx/config.json",
                ".gitattributes");
    }

    private Hub hub() {
        return hub(Duration.ofMinutes(1), shown::add);
    }

    private Hub hub(Duration silence, Consumer<String> status) {
        return new Hub(new HubSettings(variables), new HubClient.Pace(Duration.ZERO, silence, waits::add), status);
    }

    private Hub.Snapshot find(String id) {
        return hub().find(HubId.of(id).orElseThrow(), HubFiles.MODEL);
    }

    private ModelException refused(String id) {
        try {
            find(id);
        } catch (ModelException e) {
            assertThat(String.valueOf(e)).doesNotContain(TOKEN).doesNotContain("signature");
            return e;
        }
        throw new AssertionError(id + " is found");
    }

    private Path cache() {
        return folder.resolve("home/hub/models--owner--model");
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aModelIsDownloadedInHuggingfaceHubsLayout() throws IOException {
        String commit = pushModel();
        Hub.Snapshot found = find(ID);
        assertThat(found.directory()).isEqualTo(cache().resolve("snapshots").resolve(commit));
        assertThat(found.files())
                .containsExactlyInAnyOrder("config.json", "model.safetensors", "tokenizer.json", "vocab.txt");
        assertThat(names(found.directory())).containsExactlyInAnyOrderElementsOf(found.files());
        assertThat(found.downloaded()).isEqualTo(WEIGHTS.length + 14 + 17 + 12);
        Path weights = found.directory().resolve("model.safetensors");
        assertThat(weights).hasBinaryContent(WEIGHTS);
        assertThat(Files.readSymbolicLink(weights)).isEqualTo(Path.of("../../blobs", Sha256.hex(WEIGHTS)));
        assertThat(Files.readSymbolicLink(found.directory().resolve("vocab.txt")))
                .isEqualTo(Path.of("../../blobs", HubServer.gitDigest(text("of vocab.txt"))));
        assertThat(names(cache().resolve("blobs"))).hasSize(4);
        assertThat(cache().resolve("refs/main")).hasContent(commit);
        assertThat(server.takeCalls())
                .noneMatch(call -> call.matches(".*(README|tf_model|modeling|pytorch|onnx).*"))
                .contains("GET /api/models/owner/model/revision/main");
        assertThat(waits).isEmpty();

        server.close();
        assertThat(find(ID)).isEqualTo(new Hub.Snapshot(found.directory(), found.files(), 0));
        assertThat(find(ID + "@" + commit).directory()).isEqualTo(found.directory());
    }

    @Test
    void aBranchStaysAtTheCommitOfItsFirstDownload() throws IOException {
        String first = pushModel();
        find(ID);
        String second = push("config.json", "model.safetensors", "merges.txt");
        assertThat(second).isNotEqualTo(first);
        assertThat(hub().pinned(HubId.of(ID).orElseThrow())).hasToString(ID + "@" + first);
        server.takeCalls();
        Hub.Snapshot newer = find(ID + "@" + second);
        assertThat(newer.downloaded()).isEqualTo("of merges.txt".length());
        assertThat(server.takeCalls())
                .filteredOn(call -> call.startsWith("GET /owner"))
                .hasSize(1);
        assertThat(newer.directory().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(find(ID + "@refs/pr/1").directory()).isEqualTo(newer.directory());
        assertThat(cache().resolve("refs/refs/pr/1")).hasContent(second);
    }

    @Test
    void weightsInPartsAndInPickles() {
        push(
                "config.json",
                "model.safetensors.index.json",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "pytorch_model.bin");
        assertThat(find(ID).files())
                .containsExactly(
                        "config.json",
                        "model.safetensors.index.json",
                        "model-00001-of-00002.safetensors",
                        "model-00002-of-00002.safetensors");
        server.push(
                "owner/old", Map.of("config.json", text("{}"), "pytorch_model.bin", WEIGHTS, "vocab.json", text("{}")));
        assertThat(find("owner/old").files()).containsExactly("config.json", "vocab.json", "pytorch_model.bin");
        server.takeCalls();
        assertThat(find("owner/old").downloaded()).isZero();
        assertThat(server.takeCalls()).isEmpty();
    }

    @Test
    void anAdapterIsItsConfigurationAndWeights() {
        push("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "README.md", "tokenizer.json");
        HubId id = HubId.of(ID).orElseThrow();
        assertThat(hub().find(id, HubFiles.ADAPTER).files())
                .containsExactly("adapter_config.json", "adapter_model.safetensors");
        assertThat(refused(ID))
                .hasMessageContaining("has no config.json with model.safetensors or pytorch_model.bin")
                .hasMessageEndingWith("[model.hub-missing]");
    }

    @Test
    void whatIsHalfThereIsCompleted() throws IOException {
        pushModel();
        Path directory = find(ID).directory();
        Files.delete(directory.resolve("vocab.txt"));
        Files.delete(directory.resolve("model.safetensors").toRealPath());
        server.takeCalls();
        Hub.Snapshot again = find(ID);
        assertThat(again.downloaded()).isEqualTo(WEIGHTS.length);
        assertThat(names(directory)).hasSize(4).contains("vocab.txt");
        assertThat(server.takeCalls())
                .filteredOn(call -> call.startsWith("GET /owner"))
                .hasSize(1);
    }

    /** A cache of which transformers has used a part: whole weights, but who knows what else there is. */
    @Test
    void withoutTheHubTheCacheIsEnoughIfItHasWeights() throws IOException {
        String commit = pushModel();
        Path directory = find(ID).directory();
        Files.delete(cache().resolve(".listings").resolve(commit));
        variables.put("HF_HUB_OFFLINE", "1");
        server.takeCalls();
        assertThat(find(ID).files()).hasSize(4);
        assertThat(server.takeCalls()).isEmpty();
        variables.remove("HF_HUB_OFFLINE");
        server.close();
        assertThat(find(ID).files()).hasSize(4);
        assertThat(shown).last().asString().contains("cannot be downloaded", "Using the files in " + folder);

        Files.delete(directory.resolve("model.safetensors"));
        assertThat(refused(ID)).hasMessageEndingWith("[model.hub-unreachable]");
        variables.put("HF_HUB_OFFLINE", "yes");
        assertThat(refused(ID)).hasMessageContaining("HF_HUB_OFFLINE").hasMessageEndingWith("[model.hub-unreachable]");
        assertThat(refused("owner/other")).hasMessageContaining("is not in " + folder.resolve("home/hub"));
    }

    @Test
    void theTokenGoesToTheHubAloneAndIntoNoFile() throws IOException {
        pushModel();
        server.protect(ID, TOKEN, false);
        variables.put("HF_TOKEN", TOKEN + "\n");
        find(ID);
        assertThat(server.calls)
                .filteredOn(HubServer.Call::atStore)
                .isNotEmpty()
                .noneMatch(HubServer.Call::token);
        assertThat(server.calls)
                .filteredOn(call -> !call.atStore())
                .isNotEmpty()
                .allMatch(HubServer.Call::token);
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(Files.readString(file, StandardCharsets.ISO_8859_1))
                        .as("%s", file)
                        .doesNotContain(TOKEN);
            }
        }
    }

    @Test
    void theTokenMayBeInItsFile() throws IOException {
        pushModel();
        server.protect(ID, TOKEN, true);
        Files.writeString(Files.createDirectories(folder.resolve("home")).resolve("token"), TOKEN + "\n");
        assertThat(find(ID).downloaded()).isPositive();
        Files.writeString(folder.resolve("home/token"), TOKEN + "\nand a second line");
        assertThat(refused("owner/new")).hasMessageContaining("holds something that is no token");
    }

    /** A redirect to another host and back: the second answer of the hub comes to a request without a token. */
    @Test
    void aRedirectBackDoesNotGetTheTokenAgain() {
        pushModel();
        variables.put("HF_TOKEN", TOKEN);
        String elsewhere = server.endpoint().replace("127.0.0.1", "localhost");
        server.fault("GET", "/config.json", HubServer.status(302, "Location", elsewhere + "/there/config.json"));
        server.fault(
                "GET",
                "/there/config.json",
                HubServer.status(302, "Location", server.endpoint() + "/back/config.json"));
        server.fault("GET", "/back/config.json", HubServer.status(503));
        find(ID);
        assertThat(server.calls)
                .filteredOn(call -> call.path().matches("/(there|back)/config.json"))
                .hasSize(2)
                .noneMatch(HubServer.Call::token);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            http:relative   | redirects to
            ftp://host/file | without https
            ht tp://[       | is no address
            """)
    void aRedirectToNowhereIsRefused(String location, String reason) {
        pushModel();
        IntStream.range(0, HubClient.MAX_FAILURES)
                .forEach(i -> server.fault("GET", "/config.json", HubServer.status(302, "Location", location)));
        assertThat(refused(ID)).hasMessageContaining(reason).hasMessageEndingWith("[model.hub-unreachable]");
    }

    @Test
    void redirectsThatDoNotEndAreCut() {
        pushModel();
        IntStream.range(0, 30)
                .forEach(i -> server.fault("GET", "/config.json", HubServer.status(302, "Location", "config.json")));
        assertThat(refused(ID)).hasMessageContaining("redirects more than 5 times");
        assertThat(server.takeCalls())
                .filteredOn(call -> call.equals("GET /owner/model/resolve/" + commit() + "/config.json"))
                .hasSize(30);
    }

    private String commit() {
        try {
            return Files.readString(cache().resolve("refs/main"));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void whoMayNotReadIsToldWhatToDo() {
        pushModel();
        server.protect(ID, TOKEN, true);
        assertThat(refused(ID))
                .hasMessageContaining("is gated; accept its conditions there")
                .hasMessageContaining(server.endpoint() + "/" + ID)
                .hasMessageEndingWith("[model.hub-denied]");
        variables.put("HF_TOKEN", "hf_ofAnother");
        assertThat(refused(ID)).hasMessageContaining("is gated").hasMessageEndingWith("[model.hub-denied]");
        server.protect(ID, TOKEN, false);
        assertThat(refused("owner/none"))
                .hasMessageContaining("owner/none does not exist")
                .hasMessageEndingWith("[model.hub-missing]");
        variables.remove("HF_TOKEN");
        assertThat(refused("owner/none"))
                .hasMessageContaining("owner/none does not exist, or is private; correct the name, or set HF_TOKEN")
                .hasMessageEndingWith("[model.hub-denied]");
        assertThat(waits).isEmpty();
    }

    @Test
    void whatIsNotThereIsNamed() {
        String commit = pushModel();
        assertThat(refused(ID + "@v9"))
                .hasMessageContaining("has no revision v9")
                .hasMessageEndingWith("[model.hub-missing]");
        server.fault("HEAD", "/vocab.txt", HubServer.status(404, "X-Error-Code", "EntryNotFound"));
        assertThat(refused(ID)).hasMessageContaining("has no vocab.txt").hasMessageEndingWith("[model.hub-missing]");
        server.fault("HEAD", "/vocab.txt", HubServer.status(200, "ETag", "\"abc\""));
        assertThat(refused(ID + "@" + commit))
                .hasMessageContaining("neither digest nor length of vocab.txt")
                .hasMessageEndingWith("[model.hub-answer]");
        variables.put("HF_HOME", folder.resolve("another home").toString());
        server.fault("GET", "/revision/" + commit, HubServer.status(200));
        assertThat(refused(ID + "@" + commit)).hasMessageEndingWith("[model.hub-answer]");
        server.fault("GET", "/revision/" + commit, HubServer.status(418));
        assertThat(refused(ID + "@" + commit))
                .hasMessageContaining("status 418")
                .hasMessageEndingWith("[model.hub-answer]");
        assertThat(waits).isEmpty();
    }

    @Test
    void aBusyHubIsAskedAgain() {
        pushModel();
        server.fault("GET", "/revision/main", HubServer.status(429, "Retry-After", "7"));
        server.fault("GET", "/revision/main", HubServer.status(503));
        assertThat(find(ID).files()).hasSize(4);
        assertThat(waits).map(Duration::toSeconds).containsExactly(1L, 2L);
    }

    @Test
    void aHubThatStaysBusyIsGivenUp() {
        pushModel();
        IntStream.range(0, HubClient.MAX_FAILURES)
                .forEach(i -> server.fault("GET", "/revision/main", HubServer.status(500)));
        assertThat(refused(ID)).hasMessageContaining("status 500").hasMessageEndingWith("[model.hub-unreachable]");
        assertThat(waits).map(Duration::toSeconds).containsExactly(1L, 2L, 4L, 8L);
    }

    @Test
    void anAddressThatNeverAnsweredIsGivenUpAtOnce() {
        server.close();
        assertThat(refused(ID))
                .hasMessageContaining(server.endpoint())
                .hasMessageContaining("HF_ENDPOINT")
                .hasMessageEndingWith("[model.hub-unreachable]");
        assertThat(waits).isEmpty();
    }

    @Test
    void aConnectionThatBreaksBeforeTheFirstAnswerIsTriedAgain() {
        pushModel();
        // Twice, since the JDK asks once more by itself.
        server.fault("GET", "/revision/main", HttpExchange::close);
        server.fault("GET", "/revision/main", HttpExchange::close);
        assertThat(find(ID).files()).hasSize(4);
        assertThat(waits).containsExactly(Duration.ofSeconds(1));
    }

    @Test
    void aBrokenDownloadContinuesWhereItBrokeOff() throws IOException {
        pushModel();
        String weights = "/" + Sha256.hex(WEIGHTS);
        // More failures than are allowed in a row, each after new bytes.
        IntStream.range(0, HubClient.MAX_FAILURES + 2)
                .forEach(i -> server.fault("GET", weights, server.cut(WEIGHTS, 20_000)));
        Hub.Snapshot found = find(ID);
        assertThat(found.directory().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        List<String> ranges = server.calls.stream()
                .filter(HubServer.Call::atStore)
                .map(HubServer.Call::range)
                .toList();
        assertThat(ranges)
                .hasSize(HubClient.MAX_FAILURES + 3)
                .startsWith("null", "bytes=20000-")
                .endsWith("bytes=140000-");
        assertThat(waits).hasSize(HubClient.MAX_FAILURES + 2).allMatch(Duration.ofSeconds(1)::equals);
    }

    @Test
    void aLaterRunContinuesABrokenDownload() throws IOException {
        pushModel();
        String weights = "/" + Sha256.hex(WEIGHTS);
        server.fault("GET", weights, server.cut(WEIGHTS, 100_000));
        IntStream.range(1, HubClient.MAX_FAILURES).forEach(i -> server.fault("GET", weights, HubServer.status(403)));
        assertThat(refused(ID)).hasMessageContaining("localhost answers with status 403");
        assertThat(cache().resolve("blobs" + weights + ".incomplete")).hasSize(100_000);
        server.calls.clear();
        assertThat(find(ID).directory().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(server.calls)
                .filteredOn(HubServer.Call::atStore)
                .map(HubServer.Call::range)
                .containsExactly("bytes=100000-");
        assertThat(names(cache().resolve("blobs"))).noneMatch(name -> name.contains("incomplete"));
    }

    @ParameterizedTest
    @ValueSource(ints = {5, 300_000, 300_007})
    void wrongFirstBytesOfABrokenDownloadAreFound(int bytes) throws IOException {
        pushModel();
        Path blobs = Files.createDirectories(cache().resolve("blobs"));
        Files.write(blobs.resolve(Sha256.hex(WEIGHTS) + ".incomplete"), new byte[bytes]);
        assertThat(find(ID).directory().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @Test
    void aServerThatCannotContinueStartsAnew() throws IOException {
        pushModel();
        String weights = "/" + Sha256.hex(WEIGHTS);
        server.fault("GET", weights, server.cut(WEIGHTS, 100_000));
        server.fault("GET", weights, exchange -> {
            exchange.sendResponseHeaders(200, WEIGHTS.length);
            exchange.getResponseBody().write(WEIGHTS);
        });
        assertThat(find(ID).directory().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "vocab.txt"})
    void aWrongContentGetsNoName(String file) throws IOException {
        pushModel();
        byte[] right = file.equals("vocab.txt") ? text("of vocab.txt") : WEIGHTS;
        byte[] wrong = right.clone();
        wrong[3]++;
        String end = file.equals("vocab.txt") ? "/vocab.txt" : "/" + Sha256.hex(right);
        HubServer.Fault swap = exchange -> {
            exchange.sendResponseHeaders(200, wrong.length);
            exchange.getResponseBody().write(wrong);
        };
        server.fault("GET", end, swap);
        server.fault("GET", end, swap);
        assertThat(refused(ID)).hasMessageContaining(file).hasMessageEndingWith("[model.hub-damaged]");
        assertThat(cache().resolve("snapshots").resolve(commit()).resolve(file)).doesNotExist();
        server.fault("GET", end, swap);
        assertThat(find(ID).directory().resolve(file)).hasBinaryContent(right);
    }

    /** The server holds the second half until the progress has been shown, so the test does not depend on speed. */
    @Test
    void progressIsShown() throws Exception {
        pushModel();
        CountDownLatch seen = new CountDownLatch(1);
        server.fault("GET", "/" + Sha256.hex(WEIGHTS), exchange -> {
            exchange.sendResponseHeaders(200, WEIGHTS.length);
            exchange.getResponseBody().write(WEIGHTS, 0, 150_000);
            exchange.getResponseBody().flush();
            await(seen);
            exchange.getResponseBody().write(WEIGHTS, 150_000, 150_000);
        });
        hub(Duration.ofMinutes(1), text -> {
                    if (text.equals("downloading owner/model: 150.0 kB of 300.0 kB")) {
                        seen.countDown();
                    }
                    shown.add(text);
                })
                .find(HubId.of(ID).orElseThrow(), HubFiles.MODEL);
        assertThat(seen.getCount()).isZero();
        assertThat(shown).last().isEqualTo("downloading owner/model: 300.0 kB of 300.0 kB");
    }

    private static void await(CountDownLatch latch) throws IOException {
        try {
            assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    @Test
    void aSilentConnectionCountsAsBroken() {
        pushModel();
        CountDownLatch end = new CountDownLatch(1);
        server.fault("GET", "/" + Sha256.hex(WEIGHTS), exchange -> {
            exchange.sendResponseHeaders(200, WEIGHTS.length);
            exchange.getResponseBody().write(WEIGHTS, 0, 150_000);
            exchange.getResponseBody().flush();
            await(end);
        });
        Hub.Snapshot found =
                hub(Duration.ofSeconds(1), text -> {}).find(HubId.of(ID).orElseThrow(), HubFiles.MODEL);
        end.countDown();
        assertThat(found.directory().resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
        assertThat(waits).isNotEmpty();
        assertThat(server.calls)
                .filteredOn(HubServer.Call::atStore)
                .last()
                .extracting(HubServer.Call::range)
                .isEqualTo("bytes=150000-");
    }

    @Test
    void severalRunsOfAHostDownloadOnce() throws Exception {
        pushModel();
        ExecutorService runs = Executors.newFixedThreadPool(6);
        try {
            List<Future<Hub.Snapshot>> found = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                found.add(runs.submit(() -> new Hub(
                                new HubSettings(variables),
                                new HubClient.Pace(Duration.ZERO, Duration.ofMinutes(1), time -> {}),
                                text -> {})
                        .find(HubId.of(ID).orElseThrow(), HubFiles.MODEL)));
            }
            long downloaded = 0;
            for (Future<Hub.Snapshot> run : found) {
                downloaded += run.get(1, TimeUnit.MINUTES).downloaded();
            }
            assertThat(downloaded).isEqualTo(WEIGHTS.length + 14 + 17 + 12);
            assertThat(server.calls).filteredOn(HubServer.Call::atStore).hasSize(1);
        } finally {
            runs.shutdownNow();
        }
    }

    @Test
    void aCacheThatCannotBeWrittenIsNamed() throws IOException {
        pushModel();
        Path home = Files.writeString(folder.resolve("file"), "");
        variables.put("HF_HOME", home.toString());
        assertThat(refused(ID)).hasMessageContaining(home + "/hub").hasMessageEndingWith("[model.hub-cache]");
        variables.put("HF_HUB_CACHE", folder.resolve("own").toString());
        Path directory = find(ID).directory();
        assertThat(directory).startsWith(folder.resolve("own/models--owner--model"));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)))
                .startsWith("rwx");
        assertThat(folder.resolve("own/.locks/models--owner--model/spark-lora.lock"))
                .exists();
    }

    @ParameterizedTest
    @ValueSource(strings = {"huggingface.co", "https://user:pass@host", "ftp://host", "http://", "ht tp:"})
    void anEndpointThatIsNoneIsRefusedWithoutShowingIt(String endpoint) {
        variables.put("HF_ENDPOINT", endpoint);
        assertThatThrownBy(() -> new HubSettings(variables))
                .isInstanceOf(ModelException.class)
                .hasMessageContaining("HF_ENDPOINT")
                .hasMessageNotContaining("pass@")
                .hasMessageEndingWith("[model.hub-answer]");
    }
}
