package peers.flink;

/** What the join hands to the measures: an event of a queue, or the wait that an ending and a start have made. */
public class QueueEvent {
    public static final byte WAIT = 100;
    public static final long NO_WAIT = -1;

    public String queue;
    public byte kind;
    public long timeMs;
    /** Of an answered visit whose start was known when it was answered. */
    public long waitMs = NO_WAIT;

    public QueueEvent() {}
}
