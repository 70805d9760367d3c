"""The dataflow of one process: Kafka partitions -> visits, joined by contact -> panes of 10 s per queue."""

import pickle
from datetime import datetime, timedelta, timezone
from pathlib import Path

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource, _KafkaSourcePartition
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from confluent_kafka import TopicPartition

PANE_MS = 10_000
WINDOWS = {"5m": 30, "1h": 360}  # in panes
KEPT = max(WINDOWS.values())
HOLD = timedelta(seconds=30)  # how long an ending waits for a start that comes after it

QUEUED, ANSWERED, ABANDONED, LEFT = range(4)
TYPES = {
    "contact.queued": QUEUED,
    "contact.answered": ANSWERED,
    "contact.abandoned": ABANDONED,
    "contact.left_queue": LEFT,
}

# What a scrape reads: the live state of the queues, and how far each partition was read.
queues = {}
positions = {}


class ValuesPartition(_KafkaSourcePartition):
    """The stock partition without its message object of eight fields, of which this dataflow needs one."""

    def __init__(self, *args):
        super().__init__(*args)
        self._low = None

    def next_batch(self):
        if self._low is None:
            part = TopicPartition(self._topic, self._part_idx)
            self._low, _ = self._consumer.get_watermark_offsets(part, timeout=30)
        # What the last call returned has gone through the dataflow, or the runtime would not ask for more.
        positions[self._part_idx] = max(self._offset - self._low, 0)
        messages = self._consumer.consume(self._batch_size, 0.001)
        if not messages:
            return messages
        for message in messages:
            if message.error() is not None:
                raise RuntimeError(f"error consuming from Kafka: {message.error()}")
        self._offset = messages[-1].offset() + 1
        return [message.value() for message in messages]


class ValuesSource(KafkaSource):
    """The stock source, of some partitions of the topic: this process reads `index` of `count` shares of them."""

    def __init__(self, brokers, topic, index, count, **options):
        super().__init__(brokers, [topic], **options)
        self._index, self._count = index, count

    def list_parts(self):
        return [part for part in super().list_parts() if int(part.split("-", 1)[0]) % self._count == self._index]

    def build_part(self, step_id, for_part, resume_state):
        part, topic = for_part.split("-", 1)
        config = {
            "group.id": "BYTEWAX_IGNORED",
            "enable.auto.commit": "false",
            "bootstrap.servers": ",".join(self._brokers),
            "statistics.interval.ms": 1000,
            **self._add_config,
        }
        start = self._starting_offset
        return ValuesPartition(step_id, config, topic, int(part), start, resume_state, self._batch_size, True)


def decode(values, loads=orjson.loads, types=TYPES.get, parse=datetime.fromisoformat):
    """JSON values -> (contact, (kind, queue, time in ms)), for the types that open or close a visit."""
    events = []
    for value in values:
        event = loads(value)
        kind = types(event["type"])
        if kind is not None:
            data = event["data"]
            time = round(parse(event["time"]).timestamp() * 1000)
            events.append((data["contact_id"], (kind, data["queue"], time)))
    return events


class Visit(StatefulBatchLogic):
    """State of one contact: the visit that is open, or an ending that came before its start."""

    __slots__ = ("open", "held", "until")

    def __init__(self, state):
        self.open, self.held = state or (None, None)
        self.until = None

    def on_batch(self, values):
        out = []
        for event in values:
            kind, queue, time = event
            if kind == QUEUED:
                # A contact that enters a queue while it is in one has left that one.
                self.open = event
                out.append((queue, QUEUED, time, 0))
                if self.held is not None and self.held[1] == queue and self.held[2] >= time:
                    self.close(self.held, out)
                self.held = None
            elif self.open is None:
                self.held = event
            else:
                self.close(event, out)
        return out, self.open is None and self.held is None

    def close(self, event, out):
        kind, queue, time = event
        _, opened_in, since = self.open
        self.open = None
        if kind != LEFT and queue == opened_in:
            out.append((queue, kind, time, max(time - since, 0)))

    def notify_at(self):
        if self.held is None:
            return None
        if self.until is None:
            self.until = datetime.now(timezone.utc) + HOLD
        return self.until

    def on_notify(self):
        self.held = self.until = None
        return (), self.open is None

    def snapshot(self):
        return self.open, self.held


class Queue(StatefulBatchLogic):
    """State of one queue: totals since the start, and an hour of panes.

    A pane is [offered, answered, abandoned, waits]. Its waits are the buckets of an HdrHistogram with two significant
    digits, as a dictionary: a pane holds few of the some 2 000 that the library would allocate for it.
    """

    __slots__ = ("name", "totals", "wait_ms", "panes", "last")

    def __init__(self, state):
        self.name, self.totals, self.wait_ms, self.panes, self.last = state or (None, [0, 0, 0], 0, {}, 0)
        if self.name is not None:
            queues[self.name] = self

    def on_batch(self, values):
        if self.name is None:
            # A builder is not told the key, so the values bring it.
            self.name = values[0][0]
            queues[self.name] = self
        totals, panes = self.totals, self.panes
        for _, kind, time, wait in values:
            totals[kind] += 1
            if kind == ANSWERED:
                self.wait_ms += wait
            at = time // PANE_MS
            pane = panes.get(at)
            if pane is None:
                if at <= self.last - KEPT:
                    continue  # too late for every window
                pane = panes[at] = [0, 0, 0, {}]
                if at > self.last:
                    self.last = at
                    for old in [p for p in panes if p <= at - KEPT]:
                        del panes[old]
            pane[kind] += 1
            if kind == ANSWERED:
                shift = wait.bit_length() - 8
                if shift > 0:
                    wait = wait >> shift << shift
                waits = pane[3]
                waits[wait] = waits.get(wait, 0) + 1
        return (), StatefulBatchLogic.RETAIN

    def snapshot(self):
        # Pickled at once, since the panes go on changing.
        return pickle.dumps((self.name, self.totals, self.wait_ms, self.panes, self.last), pickle.HIGHEST_PROTOCOL)


def queue_of(state):
    return Queue(None if state is None else pickle.loads(state))


class NoSink(DynamicSink):
    """Nothing is written: the state is read by the scrape."""

    class Nothing(StatelessSinkPartition):
        def write_batch(self, items):
            pass

    def build(self, step_id, worker_index, worker_count):
        return self.Nothing()


def by_queue(joined):
    return [(value[0], value) for _, value in joined]


def run(index, count, brokers, topic, state):
    """Runs share `index` of `count` until the process is ended. Its state survives in the folder `state`."""
    recovery = Path(state)
    if not recovery.exists():
        recovery.mkdir(parents=True)
        init_db_dir(recovery, 1)

    flow = Dataflow("contacts")
    # Values of one partition arrive in order; contacts do not cross partitions, so no process needs another's.
    values = op.input("kafka", flow, ValuesSource(brokers.split(","), topic, index, count, batch_size=5000))
    events = op.flat_map_batch("decode", values, decode)
    visits = op.stateful_batch("join", events, Visit)
    counted = op.stateful_batch("count", op.flat_map_batch("by_queue", visits, by_queue), queue_of)
    op.output("out", counted, NoSink())
    cli_main(flow, recovery_config=RecoveryConfig(str(recovery)))


def last_pane():
    """The newest pane with an event: the stream time of this process, in panes."""
    return max((queue.last for queue in list(queues.values())), default=0)


def collect(now):
    """What a scrape needs of this process: queue -> (totals, wait in ms, window -> [offered, answered, abandoned, waits])."""
    result = {}
    for queue in list(queues.values()):
        windows = {name: [0, 0, 0, {}] for name in WINDOWS}
        result[queue.name] = (tuple(queue.totals), queue.wait_ms, windows)
        # Copies in one step, since the dataflow goes on in the main thread.
        for at, pane in list(queue.panes.items()):
            if at > now:
                continue
            waits = list(pane[3].items())
            for name, length in WINDOWS.items():
                if at > now - length:
                    window = windows[name]
                    window[0] += pane[0]
                    window[1] += pane[1]
                    window[2] += pane[2]
                    counts = window[3]
                    for wait, n in waits:
                        counts[wait] = counts.get(wait, 0) + n
    return result
