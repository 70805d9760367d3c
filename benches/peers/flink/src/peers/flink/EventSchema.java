package peers.flink;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import peers.Event;
import peers.EventParser;
import peers.Partial;

/** Reads a record; what does not matter is dropped here and never becomes a Flink element. */
final class EventSchema implements KafkaRecordDeserializationSchema<ContactEvent> {
    private static final long serialVersionUID = 1;

    private transient EventParser parser;
    private transient Partial dropped;
    /** Used again for each record: objects are copied or serialised before the next is read. */
    private transient ContactEvent reused;

    @Override
    public void open(DeserializationSchema.InitializationContext context) {
        parser = new EventParser();
        dropped = Registry.open("source", System.identityHashCode(this));
        reused = new ContactEvent();
    }

    @Override
    public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<ContactEvent> out) throws IOException {
        Event event = null;
        try {
            event = record.value() == null || record.key() == null ? null : parser.parse(record.value());
        } catch (IOException | DateTimeException error) {
            Registry.REJECTED.increment();
        }
        if (event == null) {
            Registry.count(dropped);
            return;
        }
        reused.contact = new String(record.key(), StandardCharsets.UTF_8);
        reused.kind = event.kind;
        reused.timeMs = event.timeMs;
        reused.queue = event.queue;
        out.collect(reused);
    }

    @Override
    public TypeInformation<ContactEvent> getProducedType() {
        return TypeInformation.of(ContactEvent.class);
    }
}
