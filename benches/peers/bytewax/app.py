"""Starts the processes that read, and serves their sum.

Python threads do not share the work of one dataflow, so there are BENCH_THREADS processes, each with its share of the
partitions. This one only answers HTTP.
"""

import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from pathlib import Path

QUANTILES = (0.5, 0.9, 0.99)
LONGEST_WAIT_MS = 60 * 24 * 3600 * 1000


def read(index, count, pipe):
    """One reading process: the dataflow in the main thread, answers to the parent in another."""
    import flow

    def answer():
        try:
            while True:
                ask = pipe.recv()
                if ask == "progress":
                    pipe.send(sum(list(flow.positions.values())))
                elif ask == "now":
                    pipe.send(flow.last_pane())
                else:
                    pipe.send(flow.collect(ask))
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone

    threading.Thread(target=answer, daemon=True).start()
    # One recovery store per group and share: a new group starts from the beginning, the same one goes on.
    state = Path(os.environ["BENCH_STATE"]) / f"{os.environ['BENCH_GROUP']}-{index}-of-{count}"
    flow.run(index, count, os.environ["BENCH_BROKERS"], os.environ["BENCH_TOPIC"], state)


class Readers:
    def __init__(self, count):
        spawn = get_context("spawn")
        self._lock = threading.Lock()
        self._pipes = []
        self.processes = []
        for index in range(count):
            here, there = spawn.Pipe()
            process = spawn.Process(target=read, args=(index, count, there), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self.processes.append(process)

    def ask(self, question):
        with self._lock:
            for pipe in self._pipes:
                pipe.send(question)
            return [pipe.recv() for pipe in self._pipes]


def add(into, more):
    """Adds one process's answer to another's; both read parts of the same queues."""
    for queue, (totals, wait_ms, windows) in more.items():
        mine = into.get(queue)
        if mine is None:
            into[queue] = (totals, wait_ms, windows)
            continue
        for name, window in windows.items():
            sums = mine[2][name]
            for i in range(3):
                sums[i] += window[i]
            for wait, n in window[3].items():
                sums[3][wait] = sums[3].get(wait, 0) + n
        into[queue] = (tuple(map(sum, zip(mine[0], totals))), mine[1] + wait_ms, mine[2])


def render(queues):
    from hdrh.histogram import HdrHistogram

    totals = {name: [] for name in ("peer_offered_total", "peer_answered_total", "peer_abandoned_total")}
    sums, counts, quantiles, ratios = [], [], [], []
    gauges = {name: [] for name in ("peer_window_offered", "peer_window_answered", "peer_window_abandoned")}
    histogram = HdrHistogram(1, LONGEST_WAIT_MS, 2)
    percents = [100 * q for q in QUANTILES]
    for queue in sorted(queues):
        total, wait_ms, windows = queues[queue]
        label = f'queue="{queue}"'
        for lines, value in zip(totals.values(), total):
            lines.append(f"{{{label}}} {value}")
        sums.append(f"{{{label}}} {wait_ms / 1000}")
        counts.append(f"{{{label}}} {total[1]}")
        for name, (offered, answered, abandoned, waits) in windows.items():
            labels = f'{label},window="{name}"'
            for lines, value in zip(gauges.values(), (offered, answered, abandoned)):
                lines.append(f"{{{labels}}} {value}")
            if answered + abandoned:
                ratios.append(f"{{{labels}}} {abandoned / (answered + abandoned)}")
            if waits:
                histogram.reset()
                for wait, n in waits.items():
                    histogram.record_value(wait, n)
                values = histogram.get_percentile_to_value_dict(percents)
                for quantile, percent in zip(QUANTILES, percents):
                    quantiles.append(f'{{{labels},quantile="{quantile}"}} {values[percent] / 1000}')
    families = [(name, "counter", lines) for name, lines in totals.items()]
    families += [("peer_wait_seconds_sum", "counter", sums), ("peer_wait_seconds_count", "counter", counts)]
    families += [(name, "gauge", lines) for name, lines in gauges.items()]
    families += [("peer_window_wait_seconds", "gauge", quantiles), ("peer_window_abandonment_ratio", "gauge", ratios)]
    out = []
    for name, kind, lines in families:
        out.append(f"# TYPE {name} {kind}")
        out += [name + line for line in lines]
    return "\n".join(out) + "\n"


def metrics(readers):
    now = max(readers.ask("now"))
    queues = {}
    for answer in readers.ask(now):
        add(queues, answer)
    return render(queues)


def main():
    readers = Readers(int(os.environ.get("BENCH_THREADS", "2")))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path == "/progress":
                status, body = 200, str(sum(readers.ask("progress")))
            elif self.path == "/metrics":
                status, body = 200, metrics(readers)
            else:
                status, body = 404, "not found\n"
            body = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    def stop(*_):
        for process in readers.processes:
            process.kill()  # what is not in the recovery store yet is read again
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    def watch(process):
        process.join()
        print(f"app: a reading process ended with {process.exitcode}", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)

    for process in readers.processes:
        threading.Thread(target=watch, args=(process,), daemon=True).start()
    host, port = os.environ["BENCH_LISTEN"].rsplit(":", 1)
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main()
