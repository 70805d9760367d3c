package peers.flink;

/** State of the join: an open visit, or an ending that came before its start. */
public class Visit {
    /** {@link peers.Event#QUEUED} for an open visit, else the kind of the ending. */
    public byte kind;
    public long timeMs;
    public String queue;

    public Visit() {}

    Visit(ContactEvent event) {
        kind = event.kind;
        timeMs = event.timeMs;
        queue = event.queue;
    }
}
