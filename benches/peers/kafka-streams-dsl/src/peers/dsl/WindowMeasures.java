package peers.dsl;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.HdrHistogram.AbstractHistogram;
import org.HdrHistogram.IntCountsHistogram;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * One queue in one window. It is read from the store and written back for each of the many windows of an event, so the
 * histogram stays in its encoded form until a wait is to be added: most events add none.
 */
final class WindowMeasures {
    private static final int DIGITS = 2;
    private static final int COUNTS = 12;
    private static final byte[] NONE = {};
    /** One histogram's encoding; the upper bound is far above what is written. The serde is shared by the threads. */
    private static final ThreadLocal<ByteBuffer> SCRATCH = ThreadLocal.withInitial(() -> ByteBuffer.allocate(1 << 15));

    int offered;
    int answered;
    int abandoned;
    private byte[] encoded = NONE;
    private AbstractHistogram waits;

    WindowMeasures add(Measure measure) {
        switch (measure.kind()) {
            case Measure.OFFERED -> offered++;
            case Measure.ANSWERED -> answered++;
            case Measure.ABANDONED -> abandoned++;
            default -> {
                AbstractHistogram histogram = waits();
                if (histogram == null) {
                    histogram = waits = new IntCountsHistogram(DIGITS);
                }
                histogram.recordValue(measure.waitMs());
            }
        }
        return this;
    }

    /** Null where there are none. */
    AbstractHistogram waits() {
        if (waits == null && encoded.length > 0) {
            waits = IntCountsHistogram.decodeFromByteBuffer(ByteBuffer.wrap(encoded), 0);
            waits.setAutoResize(true);
        }
        return waits;
    }

    static Serde<WindowMeasures> serde() {
        return Serdes.serdeFrom((topic, measures) -> measures == null ? null : measures.toBytes(),
                (topic, bytes) -> bytes == null ? null : fromBytes(bytes));
    }

    private byte[] toBytes() {
        if (waits == null) {
            return ByteBuffer.allocate(COUNTS + encoded.length).putInt(offered).putInt(answered).putInt(abandoned)
                    .put(encoded).array();
        }
        ByteBuffer buffer = SCRATCH.get();
        int needed = COUNTS + waits.getNeededByteBufferCapacity();
        if (buffer.capacity() < needed) {
            buffer = ByteBuffer.allocate(needed);
            SCRATCH.set(buffer);
        }
        buffer.clear().putInt(offered).putInt(answered).putInt(abandoned);
        waits.encodeIntoByteBuffer(buffer);
        return Arrays.copyOf(buffer.array(), buffer.position());
    }

    private static WindowMeasures fromBytes(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        WindowMeasures measures = new WindowMeasures();
        measures.offered = buffer.getInt();
        measures.answered = buffer.getInt();
        measures.abandoned = buffer.getInt();
        if (bytes.length > COUNTS) {
            measures.encoded = Arrays.copyOfRange(bytes, COUNTS, bytes.length);
        }
        return measures;
    }
}
