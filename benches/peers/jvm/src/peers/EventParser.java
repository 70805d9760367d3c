package peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;

/** Reads a structured CloudEvent with Jackson's streaming parser: no tree, and no string but the queue's name. */
public final class EventParser {
    private static final byte UNKNOWN = 0;
    private static final byte UNWANTED = -1;
    private static final long NO_TIME = Long.MIN_VALUE;

    private final JsonFactory factory = new JsonFactory();

    /** The event, or null if its type does not matter here; what follows the type is then not read. */
    public Event parse(byte[] json) throws IOException {
        try (JsonParser parser = factory.createParser(json)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new IOException("not an object");
            }
            byte kind = UNKNOWN;
            long timeMs = NO_TIME;
            String queue = null;
            for (String field; (field = parser.nextFieldName()) != null; ) {
                JsonToken token = parser.nextToken();
                switch (field) {
                    case "type":
                        kind = kind(parser);
                        if (kind == UNWANTED) {
                            return null;
                        }
                        break;
                    case "time":
                        timeMs = Rfc3339.parseMs(
                                parser.getTextCharacters(), parser.getTextOffset(), parser.getTextLength());
                        break;
                    case "data":
                        if (token == JsonToken.START_OBJECT) {
                            queue = queue(parser);
                        } else {
                            parser.skipChildren();
                        }
                        break;
                    default:
                        parser.skipChildren();
                }
            }
            if (kind == UNKNOWN || timeMs == NO_TIME || queue == null) {
                throw new IOException("a field is missing");
            }
            return new Event(kind, timeMs, queue);
        }
    }

    private static String queue(JsonParser parser) throws IOException {
        String queue = null;
        for (String field; (field = parser.nextFieldName()) != null; ) {
            parser.nextToken();
            if (field.equals("queue")) {
                queue = parser.getText();
            } else {
                parser.skipChildren();
            }
        }
        return queue;
    }

    private static byte kind(JsonParser parser) throws IOException {
        char[] text = parser.getTextCharacters();
        int start = parser.getTextOffset();
        switch (parser.getTextLength()) {
            case 14:
                return equal(text, start, "contact.queued") ? Event.QUEUED : UNWANTED;
            case 16:
                return equal(text, start, "contact.answered") ? Event.ANSWERED : UNWANTED;
            case 17:
                return equal(text, start, "contact.abandoned") ? Event.ABANDONED : UNWANTED;
            case 18:
                return equal(text, start, "contact.left_queue") ? Event.LEFT : UNWANTED;
            default:
                return UNWANTED;
        }
    }

    private static boolean equal(char[] text, int start, String wanted) {
        // From the end, because all types begin alike.
        for (int i = wanted.length() - 1; i >= 0; i--) {
            if (text[start + i] != wanted.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
