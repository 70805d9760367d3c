import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.core.data.BytesCloudEventData;
import io.cloudevents.core.message.Encoding;
import io.cloudevents.jackson.JsonCloudEventData;
import io.cloudevents.jackson.JsonFormat;
import io.cloudevents.kafka.CloudEventSerializer;
import java.net.URI;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** Records as the Kafka binding of the Java SDK writes them, in the form of records.py. */
public class Records {
    static final ObjectMapper JSON = new ObjectMapper();
    static final String QUEUED =
        "{\"contact_id\":\"c-1\",\"queue\":\"arıza\",\"channel\":null,\"priority\":0}";

    static CloudEventBuilder event(String id, String type) {
        return CloudEventBuilder.v1().withId(id).withSource(URI.create("/pbx/1")).withType(type)
            .withTime(OffsetDateTime.parse("2026-01-05T08:30:00.250+03:00"));
    }

    static void show(String name, CloudEvent event, Encoding encoding) throws Exception {
        try (CloudEventSerializer serializer = new CloudEventSerializer()) {
            Map<String, Object> settings = new LinkedHashMap<>();
            settings.put(CloudEventSerializer.ENCODING_CONFIG, encoding);
            if (encoding == Encoding.STRUCTURED) {
                settings.put(CloudEventSerializer.EVENT_FORMAT_CONFIG, JsonFormat.CONTENT_TYPE);
            }
            serializer.configure(settings, false);
            RecordHeaders headers = new RecordHeaders();
            byte[] value = serializer.serialize("calls", headers, event);
            Map<String, String> shown = new LinkedHashMap<>();
            for (Header header : headers) {
                shown.put(header.key(), new String(header.value(), UTF_8));
            }
            Map<String, Object> record = new LinkedHashMap<>();
            record.put("name", "java " + name + " " + encoding.name().toLowerCase());
            record.put("headers", shown);
            record.put("value", value == null ? null : hex(value));
            System.out.println(JSON.writeValueAsString(record));
        }
    }

    static String hex(byte[] bytes) {
        StringBuilder digits = new StringBuilder();
        for (byte one : bytes) {
            digits.append(String.format("%02x", one));
        }
        return digits.toString();
    }

    public static void main(String[] arguments) throws Exception {
        byte[] queued = QUEUED.getBytes(UTF_8);
        CloudEvent[] events = {
            event("bytes", "contact.queued").withData("application/json", queued).build(),
            event("tree", "contact.queued")
                .withData("application/json", JsonCloudEventData.wrap(JSON.readTree(queued))).build(),
            event("untyped", "contact.queued").withData(queued).build(),
            event("octets", "contact.queued")
                .withData("application/octet-stream", BytesCloudEventData.wrap(queued)).build(),
            event("nothing", "source.restarted").build(),
        };
        for (CloudEvent event : events) {
            for (Encoding encoding : new Encoding[] {Encoding.STRUCTURED, Encoding.BINARY}) {
                show(event.getId(), event, encoding);
            }
        }
    }
}
