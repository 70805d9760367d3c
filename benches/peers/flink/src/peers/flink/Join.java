package peers.flink;

import java.time.Duration;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.StateTtlConfig;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;
import peers.Event;
import peers.Partial;

/** Joins the start and the end of a visit, by contact. */
final class Join extends KeyedProcessFunction<String, ContactEvent, QueueEvent> {
    private static final long serialVersionUID = 1;

    private transient ValueState<Visit> visit;
    private transient Partial left;
    private transient QueueEvent reused;

    @Override
    public void open(OpenContext context) {
        ValueStateDescriptor<Visit> descriptor = new ValueStateDescriptor<>("visit", Visit.class);
        // Keeps the state bounded when endings are missing; a mail may wait this long.
        descriptor.enableTimeToLive(StateTtlConfig.newBuilder(Duration.ofDays(60)).build());
        visit = getRuntimeContext().getState(descriptor);
        left = Registry.open("join", getRuntimeContext().getTaskInfo().getIndexOfThisSubtask());
        reused = new QueueEvent();
    }

    @Override
    public void processElement(ContactEvent event, Context context, Collector<QueueEvent> out) throws Exception {
        long waitMs = QueueEvent.NO_WAIT;
        Visit before = visit.value();
        if (event.kind == Event.QUEUED) {
            if (before != null && before.kind != Event.QUEUED && before.timeMs >= event.timeMs
                    && before.queue.equals(event.queue)) {
                // Its ending has come first.
                visit.clear();
                if (before.kind == Event.ANSWERED) {
                    emit(before.queue, QueueEvent.WAIT, before.timeMs, before.timeMs - event.timeMs, out);
                }
            } else {
                visit.update(new Visit(event));
            }
        } else if (before == null || before.kind != Event.QUEUED) {
            visit.update(new Visit(event));
        } else {
            visit.clear();
            if (event.kind == Event.ANSWERED && before.queue.equals(event.queue)) {
                waitMs = Math.max(0, event.timeMs - before.timeMs);
            }
        }
        if (event.kind == Event.LEFT) {
            Registry.count(left);
        } else {
            emit(event.queue, event.kind, event.timeMs, waitMs, out);
        }
    }

    private void emit(String queue, byte kind, long timeMs, long waitMs, Collector<QueueEvent> out) {
        reused.queue = queue;
        reused.kind = kind;
        reused.timeMs = timeMs;
        reused.waitMs = waitMs;
        out.collect(reused);
    }
}
