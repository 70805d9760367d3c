package peers;

import org.HdrHistogram.Histogram;

/** One queue over all partitions, as a scrape shows it. Used again for the next queue. */
final class Shown {
    static final class Window {
        final String name;
        final int panes;
        long offered;
        long answered;
        long abandoned;
        final Histogram waits = Pane.newHistogram();

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

    final Window[] windows = {new Window("5m", 30), new Window("1h", QueueTotals.PANES)};
    long offered;
    long answered;
    long abandoned;
    long waitCount;
    long waitSumMs;

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
