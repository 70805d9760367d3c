package peers;

import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.LongSupplier;

/** The sum of the partials. */
final class Partials implements Measured {
    private final Map<Object, Partial> partials;
    private final LongSupplier rejected;

    Partials(Map<Object, Partial> partials, LongSupplier rejected) {
        this.partials = partials;
        this.rejected = rejected;
    }

    @Override
    public long records() {
        long sum = 0;
        for (Partial partial : partials.values()) {
            sum += partial.records.get();
        }
        return sum;
    }

    @Override
    public Collection<String> queues() {
        TreeSet<String> names = new TreeSet<>();
        for (Partial partial : partials.values()) {
            names.addAll(Arrays.asList(partial.names()));
        }
        return names;
    }

    @Override
    public void addTo(String queue, Shown shown) {
        for (Partial partial : partials.values()) {
            partial.addTo(queue, shown);
        }
    }

    @Override
    public String others() {
        long late = 0;
        for (Partial partial : partials.values()) {
            synchronized (partial) {
                late += partial.late;
            }
        }
        return "# TYPE peer_late_records_total counter\npeer_late_records_total " + late
                + "\n# TYPE peer_rejected_records_total counter\npeer_rejected_records_total "
                + rejected.getAsLong() + "\n";
    }
}
