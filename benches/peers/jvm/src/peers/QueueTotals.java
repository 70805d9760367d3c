package peers;

import java.nio.ByteBuffer;

/** One queue's share in one partition (or one parallel instance): counters that never go back, and an hour of panes. */
public final class QueueTotals {
    /** An hour of panes. */
    public static final int PANES = 360;

    public final String queue;
    public long offered;
    public long answered;
    public long abandoned;
    public long waitCount;
    public long waitSumMs;
    public boolean dirty;
    /** A ring: the slot of a pane is its number modulo the length. */
    public Pane[] panes = new Pane[PANES];

    public QueueTotals(String queue) {
        this.queue = queue;
    }

    public void count(Event event, Pane pane) {
        switch (event.kind) {
            case Event.QUEUED:
                offered++;
                if (pane != null) {
                    pane.offered++;
                }
                break;
            case Event.ANSWERED:
                answered++;
                if (pane != null) {
                    pane.answered++;
                }
                break;
            case Event.ABANDONED:
                abandoned++;
                if (pane != null) {
                    pane.abandoned++;
                }
                break;
            default:
        }
    }

    public void countWait(long waitMs, Pane pane) {
        waitCount++;
        waitSumMs += waitMs;
        if (pane != null) {
            pane.addWait(waitMs);
        }
    }

    /** The pane to count in, or null if it has left the longest window that ends at the current one. */
    public Pane pane(long number, long current) {
        if (number <= current - PANES) {
            return null;
        }
        int slot = slot(number);
        Pane pane = panes[slot];
        while (pane != null && pane.number != number && pane.number > current - PANES) {
            // Both are wanted: what is counted is further ahead of the current pane than the ring is long.
            grow(current);
            slot = slot(number);
            pane = panes[slot];
        }
        if (pane == null) {
            pane = panes[slot] = new Pane(number);
        } else if (pane.number != number) {
            pane.reuse(number);
        }
        pane.dirty = true;
        return pane;
    }

    /** Puts a pane where it belongs. */
    public void put(Pane pane) {
        panes[slot(pane.number)] = pane;
    }

    private int slot(long number) {
        return (int) Math.floorMod(number, (long) panes.length);
    }

    private void grow(long current) {
        Pane[] before = panes;
        panes = new Pane[before.length * 2];
        for (Pane pane : before) {
            if (pane != null && pane.number > current - PANES) {
                put(pane);
            }
        }
    }

    public QueueTotals copy() {
        QueueTotals copy = new QueueTotals(queue);
        copy.offered = offered;
        copy.answered = answered;
        copy.abandoned = abandoned;
        copy.waitCount = waitCount;
        copy.waitSumMs = waitSumMs;
        copy.panes = new Pane[panes.length];
        for (int i = 0; i < panes.length; i++) {
            copy.panes[i] = panes[i] == null ? null : panes[i].copy();
        }
        return copy;
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
