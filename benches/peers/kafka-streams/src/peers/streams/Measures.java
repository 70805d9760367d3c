package peers.streams;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import peers.Event;
import peers.Pane;
import peers.Partial;
import peers.QueueTotals;

/**
 * Joins the start and the end of a visit through a store, and counts per queue.
 *
 * <p>The counts of a partition are not repartitioned by queue: four partial sums of 500 queues are cheaper to add at a
 * scrape than every event is to write to and read from another topic. They live as objects, and what has changed is
 * written to a store just before each commit, so that an event does not cost a serialised histogram.
 */
final class Measures implements Processor<Bytes, Event, Void, Void> {
    private static final Duration SAVE_EVERY = Duration.ofSeconds(5);
    private static final Duration FORGET_EVERY = Duration.ofMinutes(10);
    /** A mail may wait this long; a visit that is older will not be ended any more. */
    private static final long LONGEST_VISIT_MS = Duration.ofDays(60).toMillis();
    /** How long an ending waits for a start that comes after it. */
    private static final long LONGEST_HOLD_MS = Duration.ofMinutes(1).toMillis();

    private static final byte VISIT = 0;
    private static final short TOTALS_SLOT = -1;
    private static final Bytes PARTITION = Bytes.wrap(new byte[0]);

    private final Map<Object, Partial> partials;
    private final Partial partial = new Partial();
    private ProcessorContext<Void, Void> context;
    private KeyValueStore<Bytes, byte[]> visits;
    private KeyValueStore<Bytes, byte[]> totals;

    Measures(Map<Object, Partial> partials) {
        this.partials = partials;
    }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
        this.context = context;
        visits = context.getStateStore(Main.VISITS);
        totals = context.getStateStore(Main.TOTALS);
        restore();
        partials.put(context.taskId(), partial);
        context.schedule(SAVE_EVERY, PunctuationType.WALL_CLOCK_TIME, now -> {
            save();
            context.commit();
        });
        context.schedule(FORGET_EVERY, PunctuationType.WALL_CLOCK_TIME, now -> forget());
    }

    @Override
    public void process(Record<Bytes, Event> record) {
        Event event = record.value();
        if (event != null && record.key() != null) {
            partial.count(event);
            if (event.kind == Event.QUEUED) {
                opens(record.key(), event);
            } else {
                ends(record.key(), event);
            }
        }
        partial.records.lazySet(partial.records.get() + 1);
    }

    private void opens(Bytes contact, Event event) {
        byte[] value = toBytes(VISIT, event);
        byte[] before = visits.putIfAbsent(contact, value);
        if (before == null) {
            return;
        }
        if (before[0] != VISIT && timeOf(before) >= event.timeMs && queueOf(before).equals(event.queue)) {
            // Its ending has come first.
            if (before[0] == Event.ANSWERED) {
                partial.countWait(event.queue, timeOf(before), timeOf(before) - event.timeMs);
            }
            visits.delete(contact);
        } else {
            visits.put(contact, value);
        }
    }

    private void ends(Bytes contact, Event event) {
        byte[] before = visits.delete(contact);
        if (before == null || before[0] != VISIT) {
            visits.put(contact, toBytes(event.kind, event));
        } else if (event.kind == Event.ANSWERED && queueOf(before).equals(event.queue)) {
            partial.countWait(event.queue, event.timeMs, Math.max(0, event.timeMs - timeOf(before)));
        }
    }

    private static byte[] toBytes(byte kind, Event event) {
        byte[] queue = event.queue.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(9 + queue.length).put(kind).putLong(event.timeMs).put(queue).array();
    }

    private static long timeOf(byte[] value) {
        return ByteBuffer.wrap(value).getLong(1);
    }

    private static String queueOf(byte[] value) {
        return new String(value, 9, value.length - 9, StandardCharsets.UTF_8);
    }

    /** Keeps the store bounded when endings are missing. */
    private void forget() {
        List<Bytes> old = new ArrayList<>();
        try (KeyValueIterator<Bytes, byte[]> all = visits.all()) {
            while (all.hasNext()) {
                KeyValue<Bytes, byte[]> entry = all.next();
                long longest = entry.value[0] == VISIT ? LONGEST_VISIT_MS : LONGEST_HOLD_MS;
                if (timeOf(entry.value) < partial.streamTimeMs - longest) {
                    old.add(entry.key);
                }
            }
        }
        old.forEach(visits::delete);
    }

    /**
     * Writes what has changed. A pane's key is its slot in the hour's ring, so an old pane is overwritten and needs no
     * deletion.
     */
    private void save() {
        long current = Pane.numberOf(partial.streamTimeMs);
        for (QueueTotals queue : partial.queues.values()) {
            if (!queue.dirty) {
                continue;
            }
            queue.dirty = false;
            byte[] name = queue.queue.getBytes(StandardCharsets.UTF_8);
            totals.put(key(name, TOTALS_SLOT), queue.toBytes());
            for (int slot = 0; slot < QueueTotals.PANES; slot++) {
                Pane pane = queue.panes[slot];
                if (pane != null && pane.dirty) {
                    pane.dirty = false;
                    if (pane.number > current - QueueTotals.PANES) {
                        totals.put(key(name, (short) slot), pane.toBytes());
                    }
                }
            }
        }
        totals.put(PARTITION, ByteBuffer.allocate(24).putLong(partial.streamTimeMs).putLong(partial.late)
                .putLong(partial.records.get()).array());
    }

    private static Bytes key(byte[] name, short slot) {
        return Bytes.wrap(ByteBuffer.allocate(name.length + 2).put(name).putShort(slot).array());
    }

    private void restore() {
        try (KeyValueIterator<Bytes, byte[]> all = totals.all()) {
            while (all.hasNext()) {
                KeyValue<Bytes, byte[]> entry = all.next();
                byte[] key = entry.key.get();
                if (key.length == 0) {
                    ByteBuffer value = ByteBuffer.wrap(entry.value);
                    partial.streamTimeMs = value.getLong();
                    partial.late = value.getLong();
                    partial.records.set(value.getLong());
                    continue;
                }
                short slot = ByteBuffer.wrap(key).getShort(key.length - 2);
                QueueTotals queue = partial.totals(new String(key, 0, key.length - 2, StandardCharsets.UTF_8));
                queue.dirty = false;
                if (slot == TOTALS_SLOT) {
                    queue.read(entry.value);
                } else {
                    queue.put(Pane.fromBytes(entry.value));
                }
            }
        }
    }

    @Override
    public void close() {
        // Kafka Streams closes a processor before it commits its task for the last time.
        if (partial.records.get() > 0) {
            save();
        }
        partials.remove(context.taskId(), partial);
    }
}
