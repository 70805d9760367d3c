# Filters that mappings often need, defined with others.

# Whether the input is one of the values: `.kind | IN("a", "b")`.
def IN(values): any(values == .; .);
# Whether one of the first values is one of the second.
def IN(inputs; values): any(inputs == values; .);
def in(container): . as $key | container | has($key);
def inside(container): . as $part | container | contains($part);
# Seconds, also as text, as whole milliseconds: 1.5 -> 1500. Null stays null.
def seconds_ms: if . == null or . == "" then null else tonumber * 1000 | round end;
# Milliseconds from one time to another, both RFC 3339 texts.
def ms_between(from; to): (to | to_epoch_ms) - (from | to_epoch_ms);
