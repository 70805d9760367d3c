package peers.dsl;

import java.util.Collection;
import java.util.TreeSet;
import org.apache.kafka.common.Metric;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;
import org.apache.kafka.streams.state.ReadOnlyWindowStore;
import peers.Measured;
import peers.Shown;

/** Reads the stores of all tasks by interactive queries, which see what is still in the record cache. */
final class Queries implements Measured {
    private final KafkaStreams streams;
    private final Measures measures;

    Queries(KafkaStreams streams, Measures measures) {
        this.streams = streams;
        this.measures = measures;
    }

    @Override
    public long records() {
        return measures.dropped.sum() + measures.counted.sum();
    }

    @Override
    public Collection<String> queues() {
        TreeSet<String> names = new TreeSet<>();
        try (KeyValueIterator<String, Totals> all = totals().all()) {
            all.forEachRemaining(entry -> names.add(entry.key));
        }
        return names;
    }

    @Override
    public void addTo(String queue, Shown shown) {
        Totals totals = totals().get(queue);
        if (totals != null) {
            shown.offered += totals.offered;
            shown.answered += totals.answered;
            shown.abandoned += totals.abandoned;
            shown.waitCount += totals.waitCount;
            shown.waitSumMs += totals.waitSumMs;
        }
        long now = measures.streamTimeMs.get();
        for (int i = 0; i < Measures.WINDOWS.length; i++) {
            Measures.Window window = Measures.WINDOWS[i];
            ReadOnlyWindowStore<String, WindowMeasures> store = streams.store(
                    StoreQueryParameters.fromNameAndType(window.store(), QueryableStoreTypes.windowStore()));
            WindowMeasures found = now < 0 ? null : store.fetch(queue, window.startFor(now));
            if (found != null) {
                Shown.Window target = shown.windows[i];
                target.offered += found.offered;
                target.answered += found.answered;
                target.abandoned += found.abandoned;
                if (found.waits() != null) {
                    target.waits.add(found.waits());
                }
            }
        }
    }

    private ReadOnlyKeyValueStore<String, Totals> totals() {
        return streams.store(
                StoreQueryParameters.fromNameAndType(Measures.TOTALS, QueryableStoreTypes.keyValueStore()));
    }

    @Override
    public String others() {
        double updates = 0;
        for (Metric metric : streams.metrics().values()) {
            if (metric.metricName().name().equals("dropped-records-total")) {
                updates += ((Number) metric.metricValue()).doubleValue();
            }
        }
        return "# TYPE peer_dropped_updates_total counter\npeer_dropped_updates_total " + (long) updates
                + "\n# TYPE peer_rejected_records_total counter\npeer_rejected_records_total "
                + measures.events.rejected() + "\n";
    }
}
