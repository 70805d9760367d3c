package peers;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The measures of one partition (or of one parallel instance). One thread counts, the HTTP thread reads; both hold the
 * monitor, the reader for one queue at a time, so neither waits long.
 */
public final class Partial {
    /** Records read, by the counting thread alone. */
    public final AtomicLong records = new AtomicLong();

    public final Map<String, QueueTotals> queues = new HashMap<>();
    /** The windows end at this event time: the largest seen, or the watermark. */
    public long streamTimeMs = Long.MIN_VALUE;

    public long late;

    /** Counts an event that opens or ends a visit, and moves the end of the windows. */
    public synchronized void count(Event event) {
        if (event.timeMs > streamTimeMs) {
            streamTimeMs = event.timeMs;
        }
        if (event.kind == Event.LEFT) {
            return;
        }
        QueueTotals totals = totals(event.queue);
        Pane pane = totals.pane(Pane.numberOf(event.timeMs), Pane.numberOf(streamTimeMs));
        if (pane == null) {
            late++;
        }
        totals.count(event, pane);
    }

    /** Counts the wait of an answered visit, in the pane of its answer. */
    public synchronized void countWait(String queue, long answeredMs, long waitMs) {
        QueueTotals totals = totals(queue);
        totals.countWait(waitMs, totals.pane(Pane.numberOf(answeredMs), Pane.numberOf(streamTimeMs)));
    }

    public QueueTotals totals(String queue) {
        QueueTotals totals = queues.get(queue);
        if (totals == null) {
            totals = new QueueTotals(queue);
            queues.put(queue, totals);
        }
        totals.dirty = true;
        return totals;
    }

    synchronized String[] names() {
        return queues.keySet().toArray(new String[0]);
    }

    /** Adds one queue to what is shown. */
    synchronized void addTo(String queue, Shown shown) {
        QueueTotals totals = queues.get(queue);
        if (totals == null) {
            return;
        }
        shown.offered += totals.offered;
        shown.answered += totals.answered;
        shown.abandoned += totals.abandoned;
        shown.waitCount += totals.waitCount;
        shown.waitSumMs += totals.waitSumMs;
        long current = Pane.numberOf(streamTimeMs);
        for (Pane pane : totals.panes) {
            if (pane == null || pane.number > current) {
                continue;
            }
            for (Shown.Window window : shown.windows) {
                if (pane.number > current - window.panes) {
                    window.add(pane);
                }
            }
        }
    }
}
