package org.sparklora.worker.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class ShardTest {

    @Test
    void survivesSerialisationPacked() throws IOException, ClassNotFoundException {
        List<Example> examples = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            int[] ids = new int[64];
            for (int t = 0; t < ids.length; t++) {
                ids[t] = (i * 977 + t * 31) % 30_522;
            }
            examples.add(new Example(ids, i % 65, i * 0.1f, 0.5f, Long.MIN_VALUE + i * 7919L));
        }
        examples.add(new Example(new int[] {Integer.MAX_VALUE, 0}, 2, Float.NaN, 1, -1));
        examples.add(new Example(new int[] {1, 2, 3}, 3, new float[] {Example.IGNORED, 17, Example.IGNORED}, 1, -2));
        Shard shard = blocks(3, examples, Integer.MAX_VALUE);
        assertThat(shard.examples()).isEqualTo(examples);
        assertThat(shard.truncated()).isEqualTo(17);

        byte[] bytes = bytes(shard);
        assertThat(bytes.length).isLessThan(1000 * (64 * 3 + 30));
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
            assertThat(in.readObject()).isEqualTo(shard);
        }
        // Blocks of any size make the same shard, also when rows cross the chunks in which bytes are stored.
        for (int maxBytes : new int[] {1, 3_000, 1 << 20}) {
            assertThat(blocks(3, examples, maxBytes)).isEqualTo(shard);
        }
        Example large = new Example(new int[300_000], 5, 1, 1, 5);
        assertThat(Shard.of(0, List.of(large, large)).example(1)).isEqualTo(large);
    }

    /** The first 17 rows are truncated. */
    private static Shard blocks(int index, List<Example> examples, int maxBytes) {
        List<ShardBlock> blocks = new ArrayList<>();
        for (int row = 0; row < examples.size(); ) {
            ShardBlock.Builder block = new ShardBlock.Builder(maxBytes);
            for (; row < examples.size() && !block.isFull(); row++) {
                block.add(examples.get(row), row < 17);
            }
            blocks.add(block.build(HeapBytes::new));
        }
        return new Shard(index, blocks);
    }

    @Test
    void aShardHoldsMoreThanAnArray() throws IOException {
        ShardBlock.Builder rows = new ShardBlock.Builder(16 << 20);
        int[] ids = new int[10_000];
        Arrays.fill(ids, 20_000);
        for (int row = 0; !rows.isFull(); row++) {
            ids[0] = row;
            rows.add(new Example(ids, ids.length, row, 1, row), false);
        }
        ShardBlock block = rows.build(HeapBytes::new);
        byte[] serialized = bytes(block);
        assertThat(serialized.length).isBetween(16 << 20, 17 << 20);
        int count = 1 + Integer.MAX_VALUE / serialized.length;
        Shard shard = new Shard(0, Collections.nCopies(count, block));
        assertThat(shard.size()).isEqualTo(count * block.size());
        int last = shard.size() - 1;
        assertThat(shard.example(last)).isEqualTo(block.example(block.size() - 1));
        assertThat(shard.key(last - block.size())).isEqualTo(block.size() - 1L);
        assertThat(shard.length(block.size())).isEqualTo(10_000);
        assertThat(shard.example(block.size()).inputIds()[0]).isZero();
    }

    @Test
    void anEmptyShardIsAShard() throws IOException, ClassNotFoundException {
        Shard shard = Shard.of(7, List.of());
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes(shard)))) {
            assertThat(in.readObject()).isEqualTo(shard);
        }
    }

    @Test
    void examplesSurviveSerialisation() throws IOException, ClassNotFoundException {
        Example example = new Example(new int[] {101, 7, 102, 8, 102}, 3, 1, 2, 99);
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes(example)))) {
            assertThat(in.readObject()).isEqualTo(example);
        }
    }

    private static Shard ofLengths(int... lengths) {
        List<Example> examples = new ArrayList<>();
        for (int length : lengths) {
            examples.add(new Example(new int[length], length, 0, 1, examples.size()));
        }
        return Shard.of(0, examples);
    }

    @Test
    void batchesByLengthHoldRowsOfLikeLengthInTheirOrder() {
        Shard shard = ofLengths(3, 1, 3, 2, 1);
        assertThat(shard.batchesByLength()).containsExactly(new int[] {1, 4, 3, 0, 2});
        assertThat(shard.examples(new int[] {4, 0})).containsExactly(shard.example(4), shard.example(0));
        assertThat(ofLengths().batchesByLength()).isEmpty();
    }

    @Test
    void batchesByLengthAreBoundedInRowsAndInTokens() {
        int[] short65 = new int[65];
        Arrays.fill(short65, 2);
        assertThat(ofLengths(short65).batchesByLength())
                .extracting(batch -> batch.length)
                .containsExactly(32, 32, 1);
        // 8 rows of 128 tokens are 1,024; one row that is longer goes alone.
        int[] long9 = new int[9];
        Arrays.fill(long9, 128);
        assertThat(ofLengths(long9).batchesByLength())
                .extracting(batch -> batch.length)
                .containsExactly(8, 1);
        assertThat(ofLengths(5000, 1).batchesByLength()).containsExactly(new int[] {1}, new int[] {0});
    }

    @Test
    void refusesAnExampleWithoutTokens() {
        assertThatThrownBy(() -> new Example(new int[0], 0, 0, 1, 5)).hasMessageContaining("at least one token");
        assertThatThrownBy(() -> new Example(new int[2], 3, 0, 1, 5)).hasMessageContaining("from token 3");
    }

    private static byte[] bytes(Object value) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ObjectOutputStream objects = new ObjectOutputStream(out)) {
            objects.writeObject(value);
        }
        return out.toByteArray();
    }
}
