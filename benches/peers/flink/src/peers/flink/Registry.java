package peers.flink;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import peers.Partial;

/** What the HTTP server shows. All subtasks run in this process, so they reach it as a static. */
final class Registry {
    /** By subtask of the measures; those of the source and the join count only records. */
    static final ConcurrentHashMap<Object, Partial> PARTIALS = new ConcurrentHashMap<>();

    static final LongAdder REJECTED = new LongAdder();

    private Registry() {}

    /** Each record is counted where it goes no further, so that the sum tells what has reached the measures. */
    static Partial open(String operator, int subtask) {
        Partial partial = new Partial(); // a restarted subtask begins anew, from its state
        PARTIALS.put(operator + subtask, partial);
        return partial;
    }

    static void count(Partial partial) {
        partial.records.lazySet(partial.records.get() + 1);
    }
}
