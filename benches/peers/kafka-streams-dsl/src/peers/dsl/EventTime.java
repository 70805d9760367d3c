package peers.dsl;

import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.TimestampExtractor;
import peers.Event;

/** Event time; what is dropped leaves the partition's time as it is. */
final class EventTime implements TimestampExtractor {
    @Override
    public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
        long time = record.value() instanceof Event event ? event.timeMs : partitionTime;
        return Math.max(time, 0); // a negative time would make Kafka Streams skip the record
    }
}
