"""Records as the Kafka bindings of the Python SDK write them, one JSON object a line: the name of
the case, the headers, and the value in hexadecimal digits (null for none). The SDK has two
interfaces: `core`, and `v1` of its first versions."""

import json
from datetime import datetime, timedelta, timezone

from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1.http import CloudEvent as OldCloudEvent
from cloudevents.v1.kafka import to_binary, to_structured

TIME = datetime(2026, 1, 5, 8, 30, 0, 250_000, timezone(timedelta(hours=3)))
QUEUED = {"contact_id": "c-1", "queue": "arıza", "channel": None, "priority": 0}


def show(name, message):
    value = message.value.encode() if isinstance(message.value, str) else message.value
    headers = {header: text.decode() for header, text in message.headers.items()}
    value = None if value is None else value.hex()
    print(json.dumps({"name": name, "headers": headers, "value": value}))


def attributes(name, kind, **more):
    return {"id": name, "source": "/pbx/1", "type": kind, "time": TIME, **more}


def core(name, kind, data, **more):
    event = CloudEvent({"specversion": "1.0", **attributes(name, kind, **more)}, data)
    show(f"python core {name} structured", kafka.to_structured(event, JSONFormat()))
    show(f"python core {name} binary", kafka.to_binary(event, JSONFormat()))


def old(name, kind, data, **more):
    # Without a content type this interface writes no binary record.
    more = {"datacontenttype": "application/json", **more, "time": TIME.isoformat()}
    event = OldCloudEvent({**attributes(name, kind), **more}, data)
    show(f"python v1 {name} structured", to_structured(event))
    # Bytes cannot be marshalled as JSON a second time.
    as_it_is = {"data_marshaller": lambda data: data} if isinstance(data, bytes) else {}
    show(f"python v1 {name} binary", to_binary(event, **as_it_is))


for case in (core, old):
    case("dict", "contact.queued", QUEUED)
    case("json", "contact.queued", QUEUED, datacontenttype="application/json")
    case("bytes", "contact.queued", json.dumps(QUEUED).encode())
    case("key", "contact.queued", QUEUED, partitionkey="c-1")
    case("nothing", "source.restarted", None)
