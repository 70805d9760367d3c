package peers.dsl;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The counters of one queue, which never go back. */
final class Totals {
    long offered;
    long answered;
    long abandoned;
    long waitCount;
    long waitSumMs;

    Totals add(Measure measure) {
        switch (measure.kind()) {
            case Measure.OFFERED -> offered++;
            case Measure.ANSWERED -> answered++;
            case Measure.ABANDONED -> abandoned++;
            default -> {
                waitCount++;
                waitSumMs += measure.waitMs();
            }
        }
        return this;
    }

    static Serde<Totals> serde() {
        return Serdes.serdeFrom((topic, totals) -> totals == null ? null : totals.toBytes(),
                (topic, bytes) -> bytes == null ? null : fromBytes(bytes));
    }

    private byte[] toBytes() {
        return ByteBuffer.allocate(40).putLong(offered).putLong(answered).putLong(abandoned).putLong(waitCount)
                .putLong(waitSumMs).array();
    }

    private static Totals fromBytes(byte[] bytes) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        Totals totals = new Totals();
        totals.offered = buffer.getLong();
        totals.answered = buffer.getLong();
        totals.abandoned = buffer.getLong();
        totals.waitCount = buffer.getLong();
        totals.waitSumMs = buffer.getLong();
        return totals;
    }
}
