package peers;

import org.HdrHistogram.Histogram;

/** One queue over all partitions, as a scrape shows it. Used again for the next queue. */
public final class Shown {
    public static final class Window {
        public final String name;
        public final int panes;
        public long offered;
        public long answered;
        public long abandoned;
        public final Histogram waits = Pane.newHistogram();

        Window(String name, int panes) {
            this.name = name;
            this.panes = panes;
        }

        void add(Pane pane) {
            offered += pane.offered;
            answered += pane.answered;
            abandoned += pane.abandoned;
            pane.addWaitsTo(waits);
        }
    }

    public final Window[] windows = {new Window("5m", 30), new Window("1h", QueueTotals.PANES)};
    public long offered;
    public long answered;
    public long abandoned;
    public long waitCount;
    public long waitSumMs;

    void clear() {
        offered = 0;
        answered = 0;
        abandoned = 0;
        waitCount = 0;
        waitSumMs = 0;
        for (Window window : windows) {
            window.offered = 0;
            window.answered = 0;
            window.abandoned = 0;
            window.waits.reset();
        }
    }
}
