//! What becomes of each record and event, and which counters it moves.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use nabiz_core::event::Rejection;
use nabiz_core::settings::Settings;
use nabiz_core::shard::{RecordMeta, RecordOutcome, Shard};
use nabiz_mapping::{Output, SourceRecord};

use crate::exposition;
use crate::record_format;

/// How the names of counters end; `_count` and `_sum` are those of histograms.
const COUNTERS: [&str; 3] = ["_total", "_count", "_sum"];

/// Counters that move with time and not with an event.
const MOVED_BY_TIME: &str = "nabiz_agent_seconds";

/// Folds the records of a run as one partition.
pub(super) struct Explanation {
    settings: Arc<Settings>,
    shard: Shard,
    counters: BTreeMap<String, f64>,
}

impl Explanation {
    pub(super) fn new(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        // The hashes of a run are never stored or shown, so a fixed key is enough.
        let shard = Shard::new(Arc::clone(&settings), [0; 16]);
        let mut explanation = Explanation { settings, shard, counters: BTreeMap::new() };
        explanation.counters = explanation.read_counters();
        explanation
    }

    /// Prints one record with its events. Returns how many records were rejected.
    pub(super) fn print(
        &mut self,
        out: &mut impl Write,
        value: &[u8],
        meta: RecordMeta,
        outputs: &Result<Vec<Output>, Rejection>,
    ) -> anyhow::Result<u64> {
        let offset = meta.offset.0;
        let record = SourceRecord { value, key: None, headers: &[], timestamp: None, topic: "" };
        if outputs.is_ok() && !record.is_json() {
            writeln!(out, "record {offset} is no JSON: the program gets it as {{\"message\": …}}")?;
        }
        match outputs {
            Err(rejection) => {
                writeln!(out, "record {offset}: rejected, {rejection}")?;
                return Ok(1);
            }
            Ok(outputs) if outputs.is_empty() => {
                writeln!(out, "record {offset}: ignored, the mapping gives no event")?;
            }
            Ok(outputs) => {
                let events = if outputs.len() == 1 { "event" } else { "events" };
                writeln!(out, "record {offset}: {} {events}", outputs.len())?;
                let mut rejected = 0;
                for output in outputs {
                    writeln!(out, "  {}", output.text())?;
                    let outcome = self.fold(output, meta);
                    writeln!(out, "    {}", words(&outcome))?;
                    self.print_moved(out)?;
                    rejected += u64::from(matches!(outcome, RecordOutcome::Rejected(_)));
                }
                return Ok(rejected.min(1));
            }
        }
        Ok(0)
    }

    /// Prints what the end of the file decides. Returns how many held endings were rejected.
    pub(super) fn finish(&mut self, out: &mut impl Write) -> anyhow::Result<u64> {
        self.shard.reject_held();
        writeln!(out, "end of the file: endings that waited for another record are decided")?;
        let orphans = self.shard.take_orphans();
        for orphan in &orphans {
            let offset = orphan.offset.0;
            writeln!(out, "  record {offset}: rejected, its start never came (orphan)")?;
        }
        self.print_moved(out)?;
        Ok(orphans.len() as u64)
    }

    fn fold(&mut self, output: &Output, meta: RecordMeta) -> RecordOutcome {
        self.shard.fold_mapped(&[record_format::message(output)], meta, None).outcome
    }

    /// Prints the counters that differ from the last call.
    fn print_moved(&mut self, out: &mut impl Write) -> anyhow::Result<()> {
        let counters = self.read_counters();
        for (series, value) in &counters {
            let moved = value - self.counters.get(series).copied().unwrap_or_default();
            if moved != 0.0 {
                writeln!(out, "    {series} {moved:+}")?;
            }
        }
        self.counters = counters;
        Ok(())
    }

    /// Returns the counters of the contact metrics by their name and labels.
    fn read_counters(&mut self) -> BTreeMap<String, f64> {
        let snapshot = self.shard.snapshot();
        let text = exposition::contact_text(&self.settings, &snapshot);
        let dropped = snapshot.records.fields_dropped.iter().map(|(field, count)| {
            let field = field.as_str();
            (format!("field left out because of its value: {field}"), *count as f64)
        });
        let counters = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let name = series.split('{').next().unwrap_or_default();
            let is_counter =
                COUNTERS.iter().any(|end| name.ends_with(end)) && !name.starts_with(MOVED_BY_TIME);
            is_counter.then_some((series.to_owned(), value.parse().ok()?))
        });
        counters.chain(dropped).collect()
    }
}

fn words(outcome: &RecordOutcome) -> String {
    match outcome {
        RecordOutcome::Applied => "applied".to_owned(),
        RecordOutcome::Duplicate => "duplicate: seen before, or it says nothing new".to_owned(),
        RecordOutcome::Late => {
            "late: counted, but older than the longest window and allowed_lateness".to_owned()
        }
        RecordOutcome::Held => {
            "held: an ending without wait_ms, its start has not come yet".to_owned()
        }
        RecordOutcome::Ignored => "ignored: it says nothing".to_owned(),
        RecordOutcome::Rejected(rejection) => format!("rejected, {rejection}"),
    }
}
