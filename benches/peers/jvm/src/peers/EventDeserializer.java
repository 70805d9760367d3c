package peers;

import java.io.IOException;
import java.time.DateTimeException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.common.serialization.Deserializer;

/** Null for a record whose type does not matter, and for one that cannot be read (which is counted). */
public final class EventDeserializer implements Deserializer<Event> {
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

    public long rejected() {
        return rejected.sum();
    }
}
