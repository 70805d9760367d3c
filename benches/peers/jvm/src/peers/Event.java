package peers;

/** What the measures need of one record. Mutable fields without accessors: Flink can then ship it as a POJO. */
public final class Event {
    public static final byte QUEUED = 1;
    public static final byte ANSWERED = 2;
    public static final byte ABANDONED = 3;
    public static final byte LEFT = 4;

    public byte kind;
    public long timeMs;
    public String queue;

    public Event() {}

    public Event(byte kind, long timeMs, String queue) {
        this.kind = kind;
        this.timeMs = timeMs;
        this.queue = queue;
    }
}
