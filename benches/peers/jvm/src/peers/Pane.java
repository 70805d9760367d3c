package peers;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.HdrHistogram.Histogram;

/**
 * Ten seconds of one queue. Most panes of most queues see a handful of waits, for which a histogram of 2000 cells is
 * slow to write and to keep; so the first waits are kept as they are, and a busy pane becomes an HdrHistogram.
 */
public final class Pane {
    public static final long WIDTH_MS = 10_000;
    private static final int KEPT = 256;
    private static final int DIGITS = 2;
    private static final long[] NONE = {};

    public long number;
    public int offered;
    public int answered;
    public int abandoned;
    /** Changed since it was last written to the store. */
    public boolean dirty;

    private long[] waits = NONE;
    private int count;
    private Histogram histogram;

    public Pane(long number) {
        this.number = number;
    }

    public static long numberOf(long timeMs) {
        return Math.floorDiv(timeMs, WIDTH_MS);
    }

    /** One that grows with what is recorded, so that a mail's wait of days fits. */
    public static Histogram newHistogram() {
        return new Histogram(DIGITS);
    }

    Pane copy() {
        Pane copy = new Pane(number);
        copy.offered = offered;
        copy.answered = answered;
        copy.abandoned = abandoned;
        copy.waits = count == 0 ? NONE : Arrays.copyOf(waits, count);
        copy.count = count;
        if (histogram != null) {
            copy.histogram = histogram.copy();
        }
        return copy;
    }

    void reuse(long newNumber) {
        number = newNumber;
        offered = 0;
        answered = 0;
        abandoned = 0;
        count = 0;
        histogram = null;
    }

    public void addWait(long waitMs) {
        if (histogram != null) {
            histogram.recordValue(waitMs);
            return;
        }
        if (count == KEPT) {
            histogram = newHistogram();
            addWaitsTo(histogram, waits, count);
            waits = NONE;
            count = 0;
            histogram.recordValue(waitMs);
            return;
        }
        if (count == waits.length) {
            waits = Arrays.copyOf(waits, Math.max(4, count * 2));
        }
        waits[count++] = waitMs;
    }

    void addWaitsTo(Histogram target) {
        if (histogram != null) {
            target.add(histogram);
        } else {
            addWaitsTo(target, waits, count);
        }
    }

    private static void addWaitsTo(Histogram target, long[] waits, int count) {
        for (int i = 0; i < count; i++) {
            target.recordValue(waits[i]);
        }
    }

    public byte[] toBytes() {
        int waitBytes = histogram != null ? histogram.getNeededByteBufferCapacity() : count * 8;
        ByteBuffer buffer = ByteBuffer.allocate(8 + 3 * 4 + 4 + waitBytes);
        buffer.putLong(number).putInt(offered).putInt(answered).putInt(abandoned);
        if (histogram != null) {
            buffer.putInt(-1);
            histogram.encodeIntoByteBuffer(buffer);
            return Arrays.copyOf(buffer.array(), buffer.position());
        }
        buffer.putInt(count);
        for (int i = 0; i < count; i++) {
            buffer.putLong(waits[i]);
        }
        return buffer.array();
    }

    public static Pane fromBytes(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        Pane pane = new Pane(buffer.getLong());
        pane.offered = buffer.getInt();
        pane.answered = buffer.getInt();
        pane.abandoned = buffer.getInt();
        int count = buffer.getInt();
        if (count >= 0) {
            pane.count = count;
            pane.waits = new long[count];
            for (int i = 0; i < count; i++) {
                pane.waits[i] = buffer.getLong();
            }
            return pane;
        }
        // What is decoded does not grow by itself; what is made here does.
        pane.histogram = newHistogram();
        pane.histogram.add(Histogram.decodeFromByteBuffer(buffer, 0));
        return pane;
    }
}
