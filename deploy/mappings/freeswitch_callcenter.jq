def ce($t; $d): {id: "\(."Event-Sequence" // ."Event-Date-Timestamp")/\($t)", source: ("/freeswitch/" + (."FreeSWITCH-Hostname" // "1")), type: $t, time: (."Event-Date-Timestamp" | epoch_us), data: $d};
def sec($a; $b): (($a | tonumber) - ($b | tonumber)) * 1000;
select(."Event-Subclass" == "callcenter::info") | ."CC-Action" as $k | {contact_id: ."CC-Member-UUID", queue: ."CC-Queue"} as $c
| if   $k == "member-queue-start" or $k == "member-queue-resume" then ce("contact.queued"; $c)
  elif $k == "agent-offering" then ce("contact.alerted"; $c + {agent: ."CC-Agent"})
  elif $k == "bridge-agent-start" then ce("contact.answered"; $c + {agent: ."CC-Agent", wait_ms: sec(."CC-Agent-Answered-Time"; ."CC-Member-Joined-Time")})
  elif $k == "member-queue-end" and ."CC-Cause" == "Cancel" then {wait_ms: sec(."CC-Member-Leaving-Time"; ."CC-Member-Joined-Time")} as $w | ."CC-Cancel-Reason" as $r
     | if $r == "BREAK_OUT" or $r == "NONE" then ce("contact.abandoned"; $c + $w)
       else ce("contact.left_queue"; $c + $w + {reason: ({TIMEOUT: "timeout", NO_AGENT_TIMEOUT: "empty", EXIT_WITH_KEY: "exit_key"}[$r] // "withdrawn")}) end
  else empty end
