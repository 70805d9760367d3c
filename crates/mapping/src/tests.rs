//! What mappings may do, what they may not, and that they always end.

use std::time::{Duration, Instant};

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::*;

fn zone() -> TimeZone {
    TimeZoneDatabase::bundled().get("Europe/Istanbul").unwrap()
}

fn compile(code: &str) -> Result<Mapping, Vec<Mistake>> {
    Mapping::compile("ours", code, zone(), [7; 16])
}

fn apply(code: &str, value: &str) -> Result<Vec<Output>, Fault> {
    let record = SourceRecord {
        value: value.as_bytes(),
        key: Some(b"k1"),
        headers: &[("X-Delivery", b"d1")],
        timestamp: Some(1_767_591_060_000),
        topic: "raw",
    };
    compile(code).unwrap_or_else(|mistakes| panic!("{mistakes:?}")).apply(&record)
}

/// Returns the one value that a program gives, as JSON.
fn value_of(program: &str, value: &str) -> String {
    let code = format!("{{type: \"t\", id: \"i\", source: \"s\", v: ({program})}}");
    match apply(&code, value).unwrap().as_slice() {
        [Output::Event(event)] => {
            let event: serde_json::Value = serde_json::from_str(event).unwrap();
            event["v"].to_string()
        }
        other => panic!("{other:?}"),
    }
}

fn first_mistake(code: &str) -> String {
    compile(code).unwrap_err()[0].to_string()
}

#[test]
fn allow_list_names_only_filters_that_jaq_has() {
    assert_eq!(builtins::missing(), Vec::<&str>::new());
}

#[test]
fn shipped_mappings_compile() {
    for shipped in SHIPPED {
        Mapping::compile(shipped.name, shipped.code, zone(), [0; 16])
            .unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", shipped.name));
    }
}

#[test]
fn event_gets_specversion_id_and_source_when_it_has_none() {
    let code = r#"{type: "contact.started", time: .t, data: {contact_id: .c}}"#;
    let outputs = apply(code, r#"{"t":"2026-01-05T05:31:00Z","c":"c1"}"#).unwrap();
    let [Output::Event(event)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["source"], "/ours");
    assert_eq!(event["id"].as_str().unwrap().len(), 32);
    assert_eq!(event["data"]["contact_id"], "c1");
}

#[test]
fn ids_depend_on_value_place_and_timestamp_without_time() {
    let ids = |code: &str, value: &str, timestamp: i64, key: u8| {
        let mapping = Mapping::compile("ours", code, zone(), [key; 16]).unwrap();
        let record = SourceRecord {
            value: value.as_bytes(),
            key: None,
            headers: &[],
            timestamp: Some(timestamp),
            topic: "raw",
        };
        let outputs = mapping.apply(&record).unwrap();
        let id = |output: &Output| match output {
            Output::Event(event) => {
                serde_json::from_str::<serde_json::Value>(event).unwrap()["id"].to_string()
            }
            Output::Line(_) => panic!("an event"),
        };
        outputs.iter().map(id).collect::<Vec<_>>()
    };
    let timed = r#"{type: "a", time: "2026-01-05T05:31:00Z"}"#;
    let untimed = r#"{type: "a", time: null}, {type: "a"}"#;
    assert_eq!(ids(timed, "{}", 1, 1), ids(timed, "{}", 2, 1));
    assert_ne!(ids(timed, "{}", 1, 1), ids(timed, "{} ", 1, 1));
    assert_ne!(ids(timed, "{}", 1, 1), ids(timed, "{}", 1, 2));
    assert_ne!(ids(untimed, "{}", 1, 1), ids(untimed, "{}", 2, 1));
    let [first, second] = ids(untimed, "{}", 1, 1).try_into().unwrap();
    assert_ne!(first, second);
}

#[test]
fn value_that_is_no_json_is_the_text_of_message() {
    let line = "1767591060|c1|fault|NONE|ENTERQUEUE";
    assert_eq!(apply(".", line).unwrap(), [Output::Line(line.to_owned())]);
    assert_eq!(value_of(".message", "\u{feff}a b"), r#""a b""#);
}

#[test]
fn outputs_that_are_no_events_are_named_by_their_place() {
    let message = |code: &str| apply(code, "{}").unwrap_err().to_string();
    assert_eq!(message("{type: \"a\"}, 3"), "output 1: is not an object");
    assert_eq!(message("{}"), "output 0: has neither `type` nor `message`, as a text");
    assert_eq!(
        message("{message: \"a\", b: 1}"),
        "output 0: `message` stands beside other members"
    );
    assert_eq!(message("range(17) | {type: \"a\"}"), "the program gave more than 16 outputs");
    assert_eq!(message("error(\"secret\")"), "the program raised an error");
    assert_eq!(apply("empty", "{}").unwrap(), []);
}

#[test]
fn variables_hold_key_headers_timestamp_topic_and_zone() {
    let program = "[$key, $headers[\"X-Delivery\"], $timestamp, $topic, $time_zone]";
    let expected = r#"["k1","d1",1767591060000,"raw","Europe/Istanbul"]"#;
    assert_eq!(value_of(program, "{}"), expected);
}

#[test]
fn times_become_rfc_3339_in_utc() {
    let cases = [
        (r#""1767591060" | epoch_s"#, r#""2026-01-05T05:31:00.000Z""#),
        ("1767591060.25 | epoch_s", r#""2026-01-05T05:31:00.250Z""#),
        (r#""1767591060.25" | epoch_s"#, r#""2026-01-05T05:31:00.250Z""#),
        ("1767591060250 | epoch_ms", r#""2026-01-05T05:31:00.250Z""#),
        (r#""1767591060250456" | epoch_us"#, r#""2026-01-05T05:31:00.250Z""#),
        (r#""2026-01-05 08:31:00.25" | local_time"#, r#""2026-01-05T05:31:00.250Z""#),
        (r#""2026-01-05T08:31:00" | local_time"#, r#""2026-01-05T05:31:00.000Z""#),
        (r#""2026-01-05T08:31:00+01:00" | local_time"#, r#""2026-01-05T07:31:00.000Z""#),
        ("1767601860250456 | local_epoch_us", r#""2026-01-05T05:31:00.250Z""#),
        (r#""2026-01-05T08:31:00.2509+03:00" | rfc3339"#, r#""2026-01-05T05:31:00.250Z""#),
        (r#"ms_between("2026-01-05T05:31:00Z"; "2026-01-05T05:31:01.5Z")"#, "1500"),
        (r#"["1.5", 2, null, ""] | map(seconds_ms)"#, "[1500,2000,null,null]"),
    ];
    for (program, expected) in cases {
        assert_eq!(value_of(program, "{}"), expected, "{program}");
    }
}

#[test]
fn times_are_strict_when_a_value_is_no_time() {
    for program in [
        r#""tomorrow" | epoch_s"#,
        r#""2026-02-30 08:31:00" | local_time"#,
        r#""" | local_time"#,
        "null | epoch_ms",
        "1e300 | epoch_s",
        "9223372036854775807 | epoch_s",
        r#""1767591060 " | epoch_s"#,
        "1767591060 | epoch_ms",
        "1767591060250 | epoch_s",
        "1767591060250 | epoch_us",
        r#""2026-01-05 08:31:00" | rfc3339"#,
    ] {
        assert!(matches!(apply(program, "{}"), Err(Fault::Program { .. })), "{program}");
    }
}

#[test]
fn filters_do_what_jq_says() {
    let cases = [
        (r#"[.a[] | . * 2]"#, "[2,4,6]"),
        (r#".a | map(select(. > 1)) | add"#, "5"),
        (r#".a |= map(. + 1) | .a"#, "[2,3,4]"),
        (r#".b.c = 1 | .b"#, r#"{"c":1}"#),
        (r#"del(.a[0]) | .a"#, "[2,3]"),
        (r#"del(.a, .s) | keys"#, r#"["o"]"#),
        (r#".o | with_entries(.value += 1)"#, r#"{"X":2,"y":3}"#),
        (r#".o | field("x")"#, "1"),
        (r#".none | field("x")"#, "null"),
        (r#".s | split("/") | last"#, r#""c""#),
        (r#".s | arn_tail"#, r#""c""#),
        (r#""arn:aws:q" | arn_tail"#, r#""q""#),
        (r#".s | ascii_upcase | ltrimstr("A/")"#, r#""B/C""#),
        (r#".s[2:] , (.s | length) | tostring"#, r#""b/c""#),
        (r#".a[1:] + .a[-1:]"#, "[2,3,3]"),
        (r#""x" | IN("y", "x")"#, "true"),
        (r#".a | contains([2])"#, "true"),
        (r#".o | has("X")"#, "true"),
        (r#""12.5e1" | tonumber"#, "125"),
        (r#""{\"a\":[1]}" | fromjson | .a[0]"#, "1"),
        (r#""\(.a)""#, r#""[1,2,3]""#),
        (r#"{a: null, b: 1} | without_nulls"#, r#"{"b":1}"#),
        (r#"reduce .a[] as $x (0; . + $x)"#, "6"),
        (
            r#"[.a[] as $x | if $x == 2 then "two" elif $x > 2 then "many" else empty end]"#,
            r#"["two","many"]"#,
        ),
        (r#"[.a | first, last, (map(. == 2) | any)]"#, "[1,3,true]"),
        (r#"[limit(2; .a[])]"#, "[1,2]"),
        (r#"{VOICE: "phone"}["VOICE"] // "web""#, r#""phone""#),
        (r#".s as $s | {$s} | .s"#, r#""a/b/c""#),
        (r#"[.a[], .o.X] | sort"#, "[1,1,2,3]"),
        (r#"10 / 4, 10 / 5 | . "#, "2.5"),
        (r#"try error("x") catch "caught""#, r#""caught""#),
        (r#"(.s | tonumber)? // 7"#, "7"),
    ];
    for (program, expected) in cases {
        let program = format!("first({program})");
        let value = r#"{"a":[1,2,3],"o":{"X":1,"y":2},"s":"a/b/c"}"#;
        assert_eq!(value_of(&program, value), expected, "{program}");
    }
}

#[test]
fn mistakes_have_line_and_column() {
    assert_eq!(
        first_mistake("{a: 1,\n  b: now}"),
        "line 2, column 6: `now/0` is not defined: docs/guide/mappings.md lists the filters and \
         variables of a mapping"
    );
    assert!(first_mistake(".a | $nope").starts_with("line 1, column 6: `$nope`"));
    assert!(first_mistake(".a |\n| .b").starts_with("line 2, column 1: expected"));
    assert!(first_mistake("\"abc").starts_with("line 1, column "));
    assert!(first_mistake("").starts_with("line 1, column 1: expected term"));
}

#[test]
fn program_that_could_reach_outside_is_refused() {
    for code in [
        "now",
        "env",
        "$ENV",
        "input",
        "inputs",
        "debug",
        "stderr",
        "halt",
        "input_line_number",
        "$__loc__",
        "getpath([\"a\"]) | ltrimstr(\"a\") | test(\"a\")",
        "import \"a\" as a; .",
        "include \"a\"; .",
        "recurse",
        "..",
        ".. | .a",
        "[recurse(.[])]",
        "walk(.)",
        "until(true; .)",
        "while(true; .)",
        "repeat(.)",
        "strptime(\"%Y\")",
        "@base64",
        "limit(1; repeat(1))",
        "def f: f; f",
        "def f(g): g | f(g); f(.)",
        "def f: def g: f; g; f",
        "def f: 1; def f: f; f",
        "nabiz_step as $x | def nabiz_step: .; .",
        "nabiz_program",
        "1 + nabiz_program",
        "def f(nabiz_step): .; f(.)",
        "def f($nabiz_step): .; f(.)",
        "def nabiz_program: 1; .",
        "setpath([\"a\"]; 1)",
        "delpaths([[\"a\"]])",
        "(reduce .[] as $x (.; .)) |= 1",
        "def f: .a; f |= 1",
        "(limit(1; .[])) |= 1",
        "del(reduce .[] as $x (.; .))",
        "getpath([\"a\"]) |= 1",
        "(range(9)) |= 1",
        "input_filename",
        "splits(\"a\")",
        "get_search_list",
    ] {
        assert!(compile(code).is_err(), "{code}");
    }
}

#[test]
fn nesting_that_could_exhaust_the_stack_is_refused() {
    let brackets = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(first_mistake(&brackets).contains("brackets"));
    let pipes = vec!["."; 30_000].join("|");
    assert!(first_mistake(&pipes).contains("nested deeper"));
    let mut chain = String::from("def f0: .a;");
    for step in 1..600 {
        chain += &format!("def f{step}: (f{}) + 1;", step - 1);
    }
    assert!(first_mistake(&format!("{chain} f599")).contains("nested deeper"));
    let inside = |filter: &str, levels: usize| {
        format!("{}.{}", format!("{filter}(").repeat(levels), ")".repeat(levels))
    };
    for filter in ["IN", "with_entries", "isempty", "range", "inside", "in"] {
        assert!(first_mistake(&inside(filter, 90)).contains("nested deeper"), "{filter}");
    }
    let steps = vec![".a"; 40].join("|");
    assert!(first_mistake(&format!("({steps} | {steps}) |= 1")).contains("an update changes"));
    for code in [
        format!("if .a then 1 {} else 2 end", "elif .a then 1 ".repeat(3000)),
        format!("\"{}\"", "\\(.)".repeat(3000)),
        format!("{{{}a: 1}}", "a: 1, ".repeat(3000)),
        ".a".repeat(3000),
    ] {
        assert!(first_mistake(&code).contains("nested deeper"), "{code:.40}");
    }
    assert!(first_mistake(&" ".repeat(70_000)).contains("longer"));
}

/// Programs that would run for ever, or fill the memory, without a bound.
fn hostile_programs() -> Vec<String> {
    let doubling = |start: &str, body: &str| {
        let mut code = format!("def f0: {start};");
        for step in 1..20 {
            code += &format!("def f{step}: {};", body.replace("F", &format!("f{}", step - 1)));
        }
        format!("{code} f19")
    };
    vec![
        "range(1e15)".to_owned(),
        "range(1e15) | empty".to_owned(),
        "[range(1e15)] | length".to_owned(),
        "reduce range(1e15) as $x (0; .)".to_owned(),
        "reduce range(1e15) as $x (\"a\"; . + .)".to_owned(),
        "reduce range(1e15) as $x ([1]; . + .)".to_owned(),
        "reduce range(1e15) as $x (0; [., .])".to_owned(),
        "reduce range(1e15) as $x (0; [.])".to_owned(),
        "reduce range(1e15) as $x ({}; {a: ., b: .})".to_owned(),
        "reduce range(1e15) as $x (0; .?)".to_owned(),
        "[range(1e15) | (1, 2)?]".to_owned(),
        "first(range(1e15) | select(. < 0))".to_owned(),
        "isempty(range(1e15) | empty)".to_owned(),
        "last(range(1e15))".to_owned(),
        "limit(1e15; range(1e15))".to_owned(),
        "skip(1e15; range(1e15))".to_owned(),
        "[limit(1e15; range(1; 2; 0))]".to_owned(),
        "label $out | foreach range(1e15) as $x (0; . + 1; empty)".to_owned(),
        "\"abc\" * 1e15".to_owned(),
        "\"abc\" * 1000000000000000".to_owned(),
        "range(1000) | \"abc\" * 1000000 | ascii_upcase | empty".to_owned(),
        "[range(3000)] as $a | [$a[] | $a[] | $a[] | $a[]] | length".to_owned(),
        "[range(9000)] as $a | [$a[] | $a - $a] | length".to_owned(),
        "[range(9000)] as $a | [$a[] | $a == $a] | length".to_owned(),
        "[range(9000)] as $a | [$a[] | $a | sort | .[0]] | length".to_owned(),
        "[range(9000)] as $a | [$a[] | $a | tojson | length] | length".to_owned(),
        "[range(9000)] as $a | [$a[] | $a | reverse | .[0]] | length".to_owned(),
        "[range(9000)] as $a | reduce range(9000) as $i ($a; .[$i] = 0) | length".to_owned(),
        "[range(9000)] as $a | reduce range(9000) as $i ($a; del(.[0])) | length".to_owned(),
        "[range(9000) | tostring] | [.[] as $x | join($x)] | length".to_owned(),
        "[path(range(1e15))]".to_owned(),
        ".a[range(1e15)] = 1".to_owned(),
        "[range(5000) | {(tostring): .}] | add | [.[] as $x | . + {a: $x}] | length".to_owned(),
        format!(
            "{{}} as $o | [range(90000) | $o | if .a then 1 {} else 2 end] | length",
            "elif .a then 1 ".repeat(60)
        ),
        format!("[range(90000) | \"{}\"] | length", "\\(.)".repeat(80)),
        "reduce range(30000) as $x (range(30000); .) | empty".to_owned(),
        "foreach range(30000) as $x (range(30000); .) | empty".to_owned(),
        "[reduce range(20000) as $x (0; try (., .) catch .)] | empty".to_owned(),
        "[reduce range(20000) as $x (0; (., .)?)] | empty".to_owned(),
        "[range(20000)] as $a | range(15000) | first($a[]) | empty".to_owned(),
        "[range(20000)] as $a | range(15000) | first($a | to_entries[]) | empty".to_owned(),
        format!("null | {}0, 1{}", ".[".repeat(40), "]".repeat(40)),
        doubling("1, 1", "F | F"),
        doubling(".", "F | F"),
        doubling(".", "(F? // .) | (F? // .)"),
        doubling("empty", "F, F"),
        doubling("(., .)?", "(F)? | (F)?"),
        doubling("1", "[F, F]"),
        "def f(g): g | g; f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(.))))))))))))))))))))))))))))".to_owned(),
        "def f(g): (g, g); f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(.))))))))))))))))))))))))))))".to_owned(),
        format!("[{}] | length", vec!["(1,1)"; 60].join(" + ")),
        format!("[{}]", vec!["(.,.)"; 60].join("|")),
        format!("[{}] | length", vec!["(1,1)"; 60].join(" as $x | ")),
    ]
}

#[test]
fn hostile_programs_end() {
    let bound = Duration::from_secs(5);
    for code in hostile_programs() {
        let started = Instant::now();
        let result = apply(&code, "{}");
        let took = started.elapsed();
        assert!(took < bound, "{code}: {took:?}");
        assert!(result.is_err(), "{code}: {result:?}");
    }
}

#[test]
fn input_deeper_than_the_bound_is_text() {
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(value_of(".message | length", &deep), "400");
}

#[test]
fn fault_and_debug_text_repeat_no_value_of_the_record() {
    let value = r#"{"number":"05551234567"}"#;
    for code in [
        ".number + 1",
        ".number | epoch_s",
        ".number | error",
        "{type: .number, time: 3} | .x",
        ".number",
    ] {
        let fault = apply(code, value).unwrap_err();
        assert!(!format!("{fault} {fault:?}").contains("0555"), "{code}");
    }
}

#[test]
fn fault_names_the_filter_and_the_types_when_it_is_ours() {
    let message = |code: &str| apply(code, r#"{"number":"0555"}"#).unwrap_err().to_string();
    let program = "the program raised an error";
    let cases = [
        (".at | epoch_ms", ": `epoch_ms`: cannot use null as a count since 1970"),
        (".number | local_time", ": `local_time`: the value is no time"),
        (
            "1767591060 | epoch_ms",
            ": `epoch_ms`: the time is not from 2000 to 2099, is the unit right?",
        ),
        (".number - 1", ": cannot calculate string - number"),
        (".number.x", ": cannot index string with string"),
        ("error(.number)", ""),
        (".number | error", ""),
        ("(.at | epoch_ms)? // error(\"x\")", ""),
        (
            "[1] | has(\"a\")",
            ": `has`: cannot use array as object with a name, or array with a position",
        ),
    ];
    for (code, text) in cases {
        assert_eq!(message(code), format!("{program}{text}"), "{code}");
    }
}

#[test]
fn deepest_allowed_programs_run_on_the_stack_of_a_worker() {
    let mut chain = String::from("def f0: .a;");
    for step in 1..44 {
        chain += &format!("def f{step}: (f{}) + 1;", step - 1);
    }
    let mut nested = String::from(".a");
    for _ in 0..25 {
        nested = format!("[{nested}] | map(select(. != null)) | first");
    }
    let programs = [
        format!("{}.a{} as $x | {{type: \"t\"}}", "IN(".repeat(5), ")".repeat(5)),
        format!("{}.a{} as $x | {{type: \"t\"}}", "isempty(".repeat(8), ")".repeat(8)),
        format!("{{}} | ({}) |= 1 | {{type: \"t\"}}", vec![".a"; 14].join("|")),
        format!("if .b then 1 {} else {{type: \"t\"}} end", "elif .b then 1 ".repeat(94)),
        format!("{{type: \"{}\"}}", "\\(.a)".repeat(90)),
        format!("{{type: \"t\", {}b: 1}}", "b: .a, ".repeat(90)),
        format!(". as $o | {{type: \"t\", v: $o{}}}", ".b".repeat(80)),
        format!("{chain} f43 | {{type: \"t\", v: .}}"),
        format!("{} | {{type: \"t\", v: .}}", vec!["(. // 1)"; 88].join("|")),
        format!("{} | {{type: \"t\", v: .}}", vec!["1"; 92].join("+")),
        format!("{nested} | {{type: \"t\", v: .}}"),
        format!(
            "reduce (.a, .a) as $x (.; {}) | {{type: \"t\", v: .a}}",
            vec![".a += 1"; 86].join("|")
        ),
    ];
    for code in programs {
        let compiled = compile(&code).map(drop);
        assert!(compiled.is_ok(), "{compiled:?} {}", code.len());
        let run = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || apply(&code, r#"{"a":1}"#).map(|outputs| outputs.len()));
        assert_eq!(run.unwrap().join().unwrap(), Ok(1));
    }
}

#[test]
fn values_are_read_without_loss() {
    let cases = [
        (r#"{"v":12345678901234567891}"#, r#""12345678901234567891""#),
        (r#"{"v":9223372036854775807}"#, "9223372036854775807"),
        (r#"{"v":"cut \ud83d"}"#, "\"cut \u{fffd}\""),
        (r#"{"v":"\ud83d\ude00 \\ud83d \udc00x"}"#, "\"\u{1f600} \\\\ud83d \u{fffd}x\""),
        (r#"{"v":1,"v":2}"#, "2"),
    ];
    for (value, expected) in cases {
        assert_eq!(value_of(".v", value), expected, "{value}");
    }
    for value in [r#"{"v":1e400}"#, r#"{"v":}"#, "{", r#" {"v":"\ud83d"#] {
        assert_eq!(apply(".", value), Err(Fault::Json), "{value}");
    }
}

#[test]
fn long_paths_of_a_record_do_not_exhaust_the_stack() {
    let path = vec!["\"a\""; 20_000].join(",");
    let value = format!("{{\"p\":[{path}]}}");
    let run = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        for code in ["getpath(.p) | empty", ".p as $p | [reduce $p[] as $x (.; .[$x]?)] | empty"] {
            let _ = apply(code, &value);
        }
    });
    run.unwrap().join().unwrap();
}
