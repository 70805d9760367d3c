package peers.dsl;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import peers.Event;

/** What one event, or one joined wait, adds to its queue. */
record Measure(byte kind, long waitMs) {
    static final byte OFFERED = Event.QUEUED;
    static final byte ANSWERED = Event.ANSWERED;
    static final byte ABANDONED = Event.ABANDONED;
    static final byte WAIT = 10;

    static Serde<Measure> serde() {
        return Serdes.serdeFrom(
                (topic, measure) -> measure == null ? null
                        : ByteBuffer.allocate(9).put(measure.kind).putLong(measure.waitMs).array(),
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    return new Measure(buffer.get(), buffer.getLong());
                });
    }
}
