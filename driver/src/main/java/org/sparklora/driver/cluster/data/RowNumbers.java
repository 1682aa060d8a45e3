package org.sparklora.driver.cluster.data;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.udf;

import java.io.Serializable;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;

/**
 * Numbers the rows of each file from 1, although Spark reads its splits in parallel and packs them into partitions in any order.
 * The rows of a split have consecutive positions. So a row's number is its position plus a constant of the split, which follows
 * from the rows of the splits before it. No row is moved or sorted.
 */
final class RowNumbers implements Serializable {

    private static final long serialVersionUID = 1L;

    /**
     * A split that has rows.
     *
     * @param start its file, and the byte at which it begins
     * @param position position of its first row, see {@link SourceColumns#POSITION}
     * @param rows number of rows, at least 1
     */
    record Split(Place start, long position, long rows) {}

    private final long[] positions;
    private final long[] shifts;

    /** Numbers the rows of all splits of all files. */
    RowNumbers(List<Split> splits) {
        this.positions = splits.stream().mapToLong(Split::position).sorted().toArray();
        this.shifts = new long[positions.length];
        String file = "";
        long before = 0;
        for (Split split :
                splits.stream().sorted(Comparator.comparing(Split::start)).toList()) {
            before = split.start.file().equals(file) ? before : 0;
            file = split.start.file();
            shifts[Arrays.binarySearch(positions, split.position)] = before + 1 - split.position;
            before += split.rows;
        }
    }

    /** The number of the row at a position. */
    long at(long position) {
        int found = Arrays.binarySearch(positions, position);
        return position + shifts[found < 0 ? -found - 2 : found];
    }

    /** The column of row numbers. */
    Column column() {
        return udf((UDF1<Long, Long>) this::at, DataTypes.LongType).apply(col(SourceColumns.POSITION));
    }
}
