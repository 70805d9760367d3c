package peers.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import peers.Pane;
import peers.QueueTotals;

/** How a queue's totals are copied while a checkpoint is written, and written in it. */
public final class QueueTotalsType extends TypeSerializerSingleton<QueueTotals> {
    static final QueueTotalsType INFO = new QueueTotalsType();
    private static final long serialVersionUID = 1;

    @Override
    public boolean isImmutableType() {
        return false;
    }

    @Override
    public QueueTotals createInstance() {
        return new QueueTotals("");
    }

    @Override
    public QueueTotals copy(QueueTotals from) {
        return from.copy();
    }

    @Override
    public QueueTotals copy(QueueTotals from, QueueTotals reuse) {
        return from.copy();
    }

    @Override
    public int getLength() {
        return -1;
    }

    @Override
    public void serialize(QueueTotals totals, DataOutputView target) throws IOException {
        target.writeUTF(totals.queue);
        write(totals.toBytes(), target);
        int panes = 0;
        for (Pane pane : totals.panes) {
            panes += pane == null ? 0 : 1;
        }
        target.writeInt(totals.panes.length);
        target.writeInt(panes);
        for (Pane pane : totals.panes) {
            if (pane != null) {
                write(pane.toBytes(), target);
            }
        }
    }

    @Override
    public QueueTotals deserialize(DataInputView source) throws IOException {
        QueueTotals totals = new QueueTotals(source.readUTF());
        totals.read(read(source));
        totals.panes = new Pane[source.readInt()];
        for (int panes = source.readInt(); panes > 0; panes--) {
            totals.put(Pane.fromBytes(read(source)));
        }
        return totals;
    }

    @Override
    public QueueTotals deserialize(QueueTotals reuse, DataInputView source) throws IOException {
        return deserialize(source);
    }

    @Override
    public void copy(DataInputView source, DataOutputView target) throws IOException {
        serialize(deserialize(source), target);
    }

    private static void write(byte[] bytes, DataOutputView target) throws IOException {
        target.writeInt(bytes.length);
        target.write(bytes);
    }

    private static byte[] read(DataInputView source) throws IOException {
        byte[] bytes = new byte[source.readInt()];
        source.readFully(bytes);
        return bytes;
    }

    @Override
    public TypeSerializerSnapshot<QueueTotals> snapshotConfiguration() {
        return new Snapshot();
    }

    public static final class Snapshot extends SimpleTypeSerializerSnapshot<QueueTotals> {
        public Snapshot() {
            super(() -> INFO);
        }
    }
}
