package org.sparklora.driver.cluster.data;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.sparklora.worker.contract.Sha256;
import org.sparklora.worker.spark.JavaSerialized;

/**
 * The digest of a table's rows, which does not depend on the order in which Spark reads them.
 *
 * @param rows their number
 * @param sha256 of their number and of the sum of their hashes, hexadecimal
 */
public record RowsDigest(long rows, String sha256) {

    /** The number of rows, and the sum of their hashes, word by word. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Sum(long rows, long[] hashes) implements Serializable {

        static Sum of(Iterator<Row> rows, boolean placed) {
            long count = 0;
            long[] hashes = new long[4];
            for (; rows.hasNext(); count++) {
                ContentHash.exact(InputRow.of(rows.next()), placed).addTo(hashes, 0);
            }
            return new Sum(count, hashes);
        }

        Sum plus(Sum other) {
            long[] both = hashes.clone();
            for (int word = 0; word < both.length; word++) {
                both[word] += other.hashes[word];
            }
            return new Sum(rows + other.rows, both);
        }
    }

    /**
     * Reads a table once. Rows need not be fit for training.
     *
     * @param rows a table made by {@link SourceReader} or {@link DatasetRows}
     * @param placed whether the places of the rows count, because their order decides what is made of them
     */
    public static RowsDigest of(Dataset<Row> rows, boolean placed) {
        Sum sum = JavaSerialized.fold(
                rows.toJavaRDD()
                        .mapPartitions(part -> List.of(Sum.of(part, placed)).iterator()),
                new Sum(0, new long[4]),
                Sum::plus);
        ByteBuffer bytes = ByteBuffer.allocate(5 * Long.BYTES).putLong(sum.rows());
        bytes.asLongBuffer().put(sum.hashes());
        return new RowsDigest(sum.rows(), Sha256.hex(bytes.array()));
    }
}
