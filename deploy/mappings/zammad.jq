# Zammad webhooks of triggers, as JSON: the ticket as it is now, and the article that set the
# trigger off, if any. A ticket is the contact, and its group the queue. What has happened is read
# off the article and the state; only a reopening needs the name of the trigger.

# One delivery has one id, also when Zammad sends it again.
def event($delivery; $type; $time; $data):
  {
    id: "\($delivery)/\($type)",
    type: $type,
    time: ($time | rfc3339),
    data: ($data | without_nulls)
  };

# The state and the group are a name, or an object with one.
def name: if type == "object" then .name else . end;

def channels:
  {
    "email": "email", "web": "web", "note": "web", "chat": "chat", "phone": "phone",
    "sms": "social", "twitter status": "social", "twitter direct-message": "social",
    "facebook feed post": "social", "facebook feed comment": "social",
    "telegram personal-message": "social", "whatsapp message": "social"
  };

# The first article makes the ticket. The record is made when the job runs, so the ticket may
# have more articles by then.
def is_first($ticket):
  if ($ticket.article_ids | type) == "array" then .id == ($ticket.article_ids | first)
  else $ticket.article_count == 1 end;

# An agent's article that goes to the customer. A note stays in Zammad, also a public one, and what
# a trigger sends has the sender System.
def is_answer: .sender == "Agent" and .internal != true and (.type // "") != "note";

objects
| .ticket as $ticket
| (.article // {} | objects) as $article
| select($ticket.id != null)
| ($headers | field("X-Zammad-Delivery")
    // "\($ticket.id)/\($article.id // $ticket.updated_at)") as $delivery
| ($headers | field("X-Zammad-Trigger") // "" | ascii_downcase | contains("reopened")) as $reopened
| ($ticket.state | name) as $state
| {contact_id: "\($ticket.id)"} as $contact
| {queue: (($ticket.group | name) // "none")} as $queue
| (channels[$ticket.create_article_type // ""] // "web") as $channel
| $article
# A ticket that an agent has begun: nobody waits.
| (select(.id != null and .sender == "Customer" and is_first($ticket))
    | event($delivery; "contact.started"; $ticket.created_at; $contact + {channel: $channel}),
      # Who has called has spoken with an agent already; the exchange counts that wait.
      (select($channel != "phone")
        | event($delivery; "contact.queued"; $ticket.created_at;
            $contact + $queue + {channel: $channel}))),
  (select($reopened)
    | (.created_at // $ticket.updated_at) as $time
    # The visit first: it tells the channel to a nabiz that has forgotten the contact.
    | event($delivery; "contact.queued"; $time; $contact + $queue + {channel: $channel}),
      event($delivery; "contact.reopened"; $time; $contact + $queue)),
  # Without the queue: the ticket may have another group since it was queued.
  (select(is_answer and (is_first($ticket) | not))
    | (if .created_by_id == null then null else "agent-\(.created_by_id)" end) as $agent
    | event($delivery; "contact.replied"; .created_at; $contact + {agent: $agent})),
  (select(($reopened | not) and ($state | IN("closed", "merged")))
    # `close_at` is the first time of closing.
    | ($ticket.last_close_at // $ticket.updated_at) as $time
    | event($delivery; "contact.resolved"; $time; $contact),
      # Where nobody has answered, the visit ends too, as left. Else this ends nothing.
      event($delivery; "contact.ended"; $time; $contact + {ended_by: "system"}))
