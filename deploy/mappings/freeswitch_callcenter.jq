# FreeSWITCH mod_callcenter: events of the subclass `callcenter::info`, as flat JSON objects
# (mod_event_kafka, or an ESL client with `events json`). All values are texts.

# A number is null where it is absent or no number.
def number: (tonumber)? // null;

# Seconds between two times in whole seconds, as milliseconds. 0 stands for "not yet".
def between($from; $to):
  ($from | number) as $from | ($to | number) as $to
  | if $from == null or $to == null or $from == 0 or $to == 0 then null
    else ($to - $from) * 1000 end;

# `Event-Sequence` begins anew with each start of FreeSWITCH, and two events can have the same
# microsecond: only both together are an id. One record can be two events, so the type follows.
def event($type; $data):
  {
    id: "\(."Event-Date-Timestamp")/\(."Event-Sequence")/\($type)",
    source: "/freeswitch/\(."FreeSWITCH-Hostname" // "unknown")",
    type: $type,
    time: (."Event-Date-Timestamp" | epoch_us),
    data: ($data | without_nulls)
  };

# Who leaves without an answer. NONE and BREAK_OUT are the caller; `callcenter` counts every Cancel
# as abandoned, also those that are not.
def left_by:
  {TIMEOUT: "timeout", NO_AGENT_TIMEOUT: "empty", EXIT_WITH_KEY: "exit_key"};

# The state of an agent is its *status*. Its *state* (Waiting, Receiving, In a queue call) goes on
# beside that, also on a break; the answer and the end of a call say when an agent is busy.
def agent_states:
  {
    "Available": "available", "Available (On Demand)": "available",
    "On Break": "paused", "Logged Out": "offline"
  };

# Legs that FreeSWITCH itself takes back: another agent was quicker, or the caller has hung up.
def is_taken_back: ."CC-Hangup-Cause" | IN("ORIGINATOR_CANCEL", "LOSE_RACE", "PICKED_OFF");

def of_callcenter:
  ."CC-Action" as $action
  | {contact_id: ."CC-Member-UUID", queue: ."CC-Queue"} as $contact
  | {agent: ."CC-Agent"} as $agent
  # A caller who comes back in time keeps the UUID: that is a new visit of the same contact.
  | if $action == "member-queue-start" or $action == "member-queue-resume" then
      event("contact.queued"; $contact)
    elif $action == "agent-offering" then
      event("contact.alerted"; $contact + $agent)
    elif $action == "bridge-agent-fail" then
      select(is_taken_back | not)
      | between(."CC-Agent-Called-Time"; ."CC-Agent-Aborted-Time") as $ring
      | event("contact.not_answered"; $contact + $agent + {ring_ms: $ring})
    elif $action == "bridge-agent-start" then
      # Without `wait_ms`: the wait is the difference of the times of the two events. That is exact
      # to a millisecond, and right for a caller who has come back: CC-Member-Joined-Time is the
      # time of the first joining, in whole seconds.
      event("contact.answered"; $contact + $agent)
    elif $action == "bridge-agent-end" then
      between(."CC-Agent-Answered-Time"; ."CC-Bridge-Terminated-Time") as $talk
      | event("contact.ended"; $contact + {talk_ms: $talk})
    # With the cause Terminated, this is the end of the talk, which bridge-agent-end has told.
    elif $action == "member-queue-end" and ."CC-Cause" == "Cancel" then
      # The variable of the caller's channel is the newest time of joining. The wait shows that the
      # visit of an answered caller is over already: without it, this would be an orphan.
      (."variable_cc_queue_joined_epoch" // ."CC-Member-Joined-Time") as $joined
      | ($contact + {wait_ms: between($joined; ."CC-Member-Leaving-Time")}) as $visit
      | (."CC-Cancel-Reason" // "NONE") as $reason
      | if $reason == "NONE" or $reason == "BREAK_OUT" then event("contact.abandoned"; $visit)
        else event("contact.left_queue"; $visit + {reason: (left_by[$reason] // "withdrawn")}) end,
        # A Cancel can follow an answer: then this ends the talk.
        event("contact.ended"; $contact)
    # `*` is the sum of all queues.
    elif $action == "members-count" and ."CC-Queue" != "*" then
      event("queue.observed"; {queue: ."CC-Queue", waiting: (."CC-Count" | number)})
    elif $action == "agent-status-change" then
      agent_states[."CC-Agent-Status" // ""] as $state
      | select($state != null)
      | event("agent.state_changed"; $agent + {state: $state})
    else empty end;

objects
| if ."Event-Subclass" == "callcenter::info" then of_callcenter
  # Where the shipper sends this event too: callers do not outlive FreeSWITCH.
  elif ."Event-Name" == "STARTUP" then event("source.restarted"; {})
  else empty end
