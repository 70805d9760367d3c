# Asterisk AMI events as JSON objects, from a client or from Wazo's bus: the number of waiting calls
# as app_queue counts them. Visits come from queue_log, which tells each way out; AMI does not.

# Wazo puts the event into `data`.
def ami_event: if (.data | type) == "object" then .data else . end;

# Names of fields are read in any case: some clients write them in small letters.
objects
| ami_event
| select(field("Event") | IN("QueueCallerJoin", "QueueCallerLeave"))
| field("Queue") as $queue
# `Count` is the number after the caller has joined or left, as a text or a number.
| (field("Count") | (tonumber? // null)) as $waiting
| select($queue != null and $waiting != null)
# There is no time without `timestampevents = yes` in manager.conf; then that of the record is
# taken. AMI has no ids. nabiz makes one of the value, and of the record's time where that counts.
| (field("Timestamp") | if . == null or . == "" then null else epoch_s end) as $time
| {type: "queue.observed", time: $time, data: {queue: $queue, waiting: $waiting}}
