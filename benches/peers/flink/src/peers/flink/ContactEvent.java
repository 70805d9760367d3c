package peers.flink;

/** What the source hands to the join. A POJO in Flink's sense, so it is serialised field by field. */
public class ContactEvent {
    public String contact;
    public byte kind;
    public long timeMs;
    public String queue;

    public ContactEvent() {}
}
