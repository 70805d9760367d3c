package peers.dsl;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import peers.Event;

/** How the join's stores keep an event: binary, a tenth of the JSON. */
final class EventSerde {
    private EventSerde() {}

    static Serde<Event> serde() {
        return Serdes.serdeFrom((topic, event) -> toBytes(event), (topic, bytes) -> fromBytes(bytes));
    }

    private static byte[] toBytes(Event event) {
        if (event == null) {
            return null;
        }
        byte[] queue = event.queue.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(9 + queue.length).put(event.kind).putLong(event.timeMs).put(queue).array();
    }

    private static Event fromBytes(byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new Event(buffer.get(), buffer.getLong(),
                new String(bytes, 9, bytes.length - 9, StandardCharsets.UTF_8));
    }
}
