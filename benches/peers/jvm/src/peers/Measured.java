package peers;

import java.util.Collection;

/** What the HTTP server shows. */
public interface Measured {
    /** Input records whose effects can be seen. */
    long records();

    /** The names, in the order in which they are to be shown. */
    Collection<String> queues();

    /** Adds one queue to what is shown. */
    void addTo(String queue, Shown shown);

    /** Families of its own, as Prometheus text. */
    String others();
}
