package peers.dsl;

import java.time.Duration;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;
import peers.Event;
import peers.EventDeserializer;

/** The topology, and the counters that say how far it has come. */
final class Measures {
    static final String TOTALS = "totals";
    static final Window[] WINDOWS = {
        new Window("window-5m", Duration.ofMinutes(5), Duration.ofSeconds(10)),
        new Window("window-1h", Duration.ofHours(1), Duration.ofMinutes(1)),
    };
    private static final Duration JOIN_GRACE = Duration.ofMinutes(1);
    private static final Duration LONGEST_WAIT = Duration.ofHours(2);

    record Window(String store, Duration size, Duration advance) {
        /** Where the window begins that holds this time and ends soonest after it, the oldest that does. */
        long startFor(long timeMs) {
            long step = advance.toMillis();
            return Math.max(0, Math.floorDiv(timeMs, step) * step - size.toMillis() + step);
        }
    }

    final EventDeserializer events = new EventDeserializer();
    /** Input records that add nothing. */
    final LongAdder dropped = new LongAdder();
    /** Input records that have gone through the aggregations. */
    final LongAdder counted = new LongAdder();
    final LongAccumulator streamTimeMs = new LongAccumulator(Math::max, Long.MIN_VALUE);

    Topology topology(String topic, String join, Duration grace) {
        StreamsBuilder builder = new StreamsBuilder();
        KStream<Bytes, Event> visits = builder
                .stream(topic, Consumed.with(Serdes.Bytes(), Serdes.serdeFrom(EventSerde.serde().serializer(), events))
                        .withTimestampExtractor(new EventTime())
                        .withOffsetResetPolicy(AutoOffsetReset.earliest()))
                .filter((contact, event) -> {
                    boolean wanted = contact != null && event != null;
                    if (wanted) {
                        streamTimeMs.accumulate(event.timeMs);
                    } else {
                        dropped.increment();
                    }
                    return wanted;
                });
        KStream<Bytes, Wait> joined = switch (join) {
            case "table" -> joinWithTable(visits);
            case "streams" -> joinStreams(visits);
            default -> throw new IllegalArgumentException("the join is 'table' or 'streams', not '" + join + "'");
        };
        KStream<String, Measure> waits = joined
                .filter((contact, wait) -> wait != null) // the start was in another queue
                .map((contact, wait) -> KeyValue.pair(wait.queue(), new Measure(Measure.WAIT, wait.waitMs())));
        // After the join, so that a wait goes to the queue's partition ahead of the event that completes it.
        KStream<String, Measure> measures = visits
                .filter((contact, event) -> {
                    boolean wanted = event.kind != Event.LEFT;
                    if (!wanted) {
                        dropped.increment();
                    }
                    return wanted;
                })
                .map((contact, event) -> KeyValue.pair(event.queue, new Measure(event.kind, 0)));

        Serde<Measure> measureSerde = Measure.serde();
        KStream<String, Measure> byQueue = waits.merge(measures)
                .repartition(Repartitioned.with(Serdes.String(), measureSerde).withName("by-queue"));
        KGroupedStream<String, Measure> queues = byQueue.groupByKey(Grouped.with(Serdes.String(), measureSerde));
        for (Window window : WINDOWS) {
            queues.windowedBy(TimeWindows.ofSizeAndGrace(window.size, grace).advanceBy(window.advance))
                    .aggregate(WindowMeasures::new, (queue, measure, sum) -> sum.add(measure),
                            Materialized.<String, WindowMeasures, WindowStore<Bytes, byte[]>>as(window.store)
                                    .withKeySerde(Serdes.String()).withValueSerde(WindowMeasures.serde()));
        }
        queues.aggregate(Totals::new, (queue, measure, sum) -> sum.add(measure),
                Materialized.<String, Totals, KeyValueStore<Bytes, byte[]>>as(TOTALS)
                        .withKeySerde(Serdes.String()).withValueSerde(Totals.serde()));
        // A record goes to the children of a stream in the order in which they were added: to this one last, when the
        // stores hold it.
        byQueue.foreach((queue, measure) -> {
            if (measure.kind() != Measure.WAIT) {
                counted.increment();
            }
        });
        return builder.build();
    }

    /** An answer with the start of the visit that is open, which the table keeps by contact until the visit ends. */
    private static KStream<Bytes, Wait> joinWithTable(KStream<Bytes, Event> visits) {
        // Before the table's own stream, so that an answer finds the visit which it ends.
        KStream<Bytes, Event> answered = visits.filter((contact, event) -> event.kind == Event.ANSWERED);
        KTable<Bytes, Event> open = visits
                .mapValues(event -> event.kind == Event.QUEUED ? event : null)
                .toTable(Materialized.<Bytes, Event, KeyValueStore<Bytes, byte[]>>as("open-visits")
                        .withKeySerde(Serdes.Bytes()).withValueSerde(EventSerde.serde()));
        return answered.join(open, (end, start) -> wait(start, end),
                Joined.with(Serdes.Bytes(), EventSerde.serde(), EventSerde.serde()));
    }

    /** Every start with every answer of its contact within the window. */
    private static KStream<Bytes, Wait> joinStreams(KStream<Bytes, Event> visits) {
        KStream<Bytes, Event> queued = visits.filter((contact, event) -> event.kind == Event.QUEUED);
        KStream<Bytes, Event> answered = visits.filter((contact, event) -> event.kind == Event.ANSWERED);
        return queued.join(answered, (start, end) -> wait(start, end),
                JoinWindows.ofTimeDifferenceAndGrace(Duration.ZERO, JOIN_GRACE).after(LONGEST_WAIT),
                StreamJoined.with(Serdes.Bytes(), EventSerde.serde(), EventSerde.serde()).withName("visits"));
    }

    private static Wait wait(Event start, Event end) {
        return start.queue.equals(end.queue) ? new Wait(end.queue, Math.max(0, end.timeMs - start.timeMs)) : null;
    }
}
