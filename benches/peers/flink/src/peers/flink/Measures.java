package peers.flink;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.operators.KeyedProcessOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.util.Collector;
import peers.Event;
import peers.Pane;
import peers.Partial;
import peers.QueueTotals;

/**
 * Counts per queue, in keyed state that the HTTP server reads too. Flink's own sliding windows would put each event in
 * 390 panes of state, and its tumbling ones would show an event only once the watermark has passed its pane.
 */
final class Measures extends KeyedProcessFunction<String, QueueEvent, Void> {
    private static final long serialVersionUID = 1;

    private final ValueStateDescriptor<QueueTotals> descriptor =
            new ValueStateDescriptor<>("totals", QueueTotalsType.INFO);
    private transient ValueState<QueueTotals> state;
    private transient Partial partial;
    private transient Event event;

    @Override
    public void open(OpenContext context) {
        state = getRuntimeContext().getState(descriptor);
        partial = Registry.open("measures", getRuntimeContext().getTaskInfo().getIndexOfThisSubtask());
        event = new Event();
    }

    @Override
    public void processElement(QueueEvent in, Context context, Collector<Void> out) throws Exception {
        // While a checkpoint is being written this is a copy, and the one that the server has is no longer changed.
        QueueTotals totals = state.value();
        if (totals == null) {
            totals = new QueueTotals(in.queue);
        }
        synchronized (partial) {
            Pane pane = totals.pane(Pane.numberOf(in.timeMs), Pane.numberOf(partial.streamTimeMs));
            if (in.kind != QueueEvent.WAIT) {
                event.kind = in.kind;
                totals.count(event, pane);
                if (pane == null) {
                    partial.late++;
                }
            }
            if (in.waitMs != QueueEvent.NO_WAIT) {
                totals.countWait(in.waitMs, pane);
            }
            partial.queues.put(in.queue, totals);
        }
        state.update(totals);
        if (in.kind != QueueEvent.WAIT) {
            Registry.count(partial);
        }
    }

    /** Adds to the function what it cannot see: each watermark, which ends the windows, and what was restored. */
    static final class Operator extends KeyedProcessOperator<String, QueueEvent, Void> {
        private static final long serialVersionUID = 1;

        Operator(Measures measures) {
            super(measures);
        }

        @Override
        public void open() throws Exception {
            super.open();
            Measures opened = (Measures) getUserFunction();
            this.<String>getKeyedStateBackend().applyToAllKeys(VoidNamespace.INSTANCE,
                    VoidNamespaceSerializer.INSTANCE, opened.descriptor,
                    (key, restored) -> opened.partial.queues.put(key, restored.value()));
        }

        @Override
        public void processWatermark(Watermark mark) throws Exception {
            super.processWatermark(mark);
            Partial partial = ((Measures) getUserFunction()).partial;
            synchronized (partial) {
                // A watermark says that no event at or before it is to come.
                partial.streamTimeMs = mark.getTimestamp() + 1;
            }
        }
    }
}
