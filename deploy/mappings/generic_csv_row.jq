# Rows of a table or of a daily CSV file as JSON objects: petitions, walk-ins, letters. The columns
# are in docs/guide/sources/generic-csv-row.md; their names are read in any case.
#
# A row is sent when it is new and when it has changed, so it tells again what nabiz knows. For that
# a start is a duplicate while the contact is open, and an ending has its wait, so that nabiz sees
# which visit it means. A row that is closed must not be sent again: by then nabiz has forgotten it.

# A row of a database connector can have a schema or an envelope around it. A change tells more
# of the row; a delete tells nothing.
def row:
  (if has("schema") and has("payload") then .payload else . end)
  | objects
  | if has("op") and has("after") then select(.op != "d") | .after else . end
  | objects;

# A text without spaces around it; empty is absent. Numbers are texts too: an id can be one.
def text($name): field($name) | if . == null then null else tostring | trim end
  | if . == "" then null else . end;

# 05.01.2026 -> 2026-01-05
def from_turkish: if .[2:3] == "." and .[5:6] == "." then "\(.[6:10])-\(.[3:5])-\(.[:2])\(.[10:])"
  else . end;

# Local times, in the zone of nabiz. A date without a time is its midnight. Numbers are what
# connectors make of dates: days, seconds, or milliseconds or microseconds of the local time as if
# it were UTC.
def time($name):
  text($name)
  | if . == null then null
    else
      . as $time
      | (tonumber? // null) as $number
      | if $number == null then $time | from_turkish | local_time
        elif $number < 1e5 then $number * 86400000 | local_epoch_ms
        elif $number < 1e11 then $time | epoch_s
        elif $number < 1e14 then $time | local_epoch_ms
        else $time | local_epoch_us end
    end;

def wait($from; $to):
  if $from == null or $to == null then {} else {wait_ms: ms_between($from; $to)} end;

def event($type; $time; $data):
  select($time != null)
  | {
      id: "\($data.contact_id)/\($type)/\($time)",
      type: $type,
      time: $time,
      data: ($data | without_nulls)
    };

objects
| row
| text("id") as $id
# The line of a file with the names of its columns.
| select($id != null and ($id | ascii_downcase) != "id")
| (text("channel") // "petition" | ascii_downcase) as $channel
| {contact_id: $id} as $contact
| ($contact + {queue: (text("queue") // "none")}) as $visit
| {agent: text("agent")} as $agent
# Somebody is served at a desk; else an answer is sent.
| ($channel | IN("walk_in", "phone", "chat")) as $is_served
| time("received_at") as $received
| time("answered_at") as $answered
| time("abandoned_at") as $abandoned
| time("closed_at") as $closed
| time("reopened_at") as $reopened
# Once a row has been reopened, older times in it were told before.
| def is_new($time): $time != null and ($reopened == null or $time >= $reopened);
  (select($reopened == null)
    | event("contact.started"; $received;
        $contact + {channel: $channel, entry_point: text("entry_point")}),
      event("contact.queued"; $received; $visit + {channel: $channel})),
  # The visit first: it tells the channel to a nabiz that has forgotten the contact.
  (select($reopened != null and (is_new($answered) or is_new($closed) | not))
    | event("contact.queued"; $reopened; $visit + {channel: $channel}),
      event("contact.reopened"; $reopened; $visit)),
  (select(is_new($answered))
    | if $is_served then
        event("contact.answered"; $answered;
          $visit + $agent + wait($reopened // $received; $answered))
      else event("contact.replied"; $answered; $visit + $agent) end),
  # Who goes away before it is their turn: nothing is left to do.
  (select(is_new($abandoned))
    | event("contact.abandoned"; $abandoned; $visit + wait($received; $abandoned)),
      event("contact.resolved"; $abandoned; $visit)),
  # Ends the conversation at the desk, or a visit that nobody has answered, as closed.
  (select(is_new($closed))
    | event("contact.ended"; $closed; $visit + {ended_by: "system"}),
      event("contact.resolved"; $closed; $visit))
