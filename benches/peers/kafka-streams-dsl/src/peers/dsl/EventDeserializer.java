package peers.dsl;

import java.io.IOException;
import java.time.DateTimeException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.Deserializer;
import peers.Event;
import peers.EventParser;

/** Null for a record whose type does not matter, and for one that cannot be read (which is counted). */
final class EventDeserializer implements Deserializer<Event> {
    private final EventParser parser = new EventParser();
    private final LongAdder rejected = new LongAdder();

    @Override
    public Event deserialize(String topic, byte[] value) {
        if (value == null) {
            return null;
        }
        try {
            return parser.parse(value);
        } catch (IOException | DateTimeException error) {
            rejected.increment();
            return null;
        }
    }

    long rejected() {
        return rejected.sum();
    }
}
