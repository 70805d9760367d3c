package peers;

import java.nio.ByteBuffer;

/** One queue's share in one partition (or one parallel instance): counters that never go back, and an hour of panes. */
public final class QueueTotals {
    /** An hour of panes; the ring's slot of a pane is its number modulo this. */
    public static final int PANES = 360;

    public final String queue;
    public long offered;
    public long answered;
    public long abandoned;
    public long waitCount;
    public long waitSumMs;
    public boolean dirty;
    public final Pane[] panes = new Pane[PANES];

    public QueueTotals(String queue) {
        this.queue = queue;
    }

    /** The pane to count in, or null if it has left the longest window. */
    public Pane pane(long number, long current) {
        if (number <= current - PANES) {
            return null;
        }
        int slot = (int) Math.floorMod(number, (long) PANES);
        Pane pane = panes[slot];
        if (pane == null) {
            pane = panes[slot] = new Pane(number);
        } else if (pane.number != number) {
            pane.reuse(number);
        }
        pane.dirty = true;
        return pane;
    }

    public byte[] toBytes() {
        return ByteBuffer.allocate(40).putLong(offered).putLong(answered).putLong(abandoned).putLong(waitCount)
                .putLong(waitSumMs).array();
    }

    public void read(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        offered = buffer.getLong();
        answered = buffer.getLong();
        abandoned = buffer.getLong();
        waitCount = buffer.getLong();
        waitSumMs = buffer.getLong();
    }
}
