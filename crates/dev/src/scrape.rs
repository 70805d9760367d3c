//! A reader of the text format of `/metrics`, strict enough to notice a malformed line.

use std::collections::{BTreeMap, BTreeSet};

/// A sample's name and labels.
pub type SampleKey = (String, BTreeMap<String, String>);

/// One scrape.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    samples: BTreeMap<SampleKey, f64>,
    counters: BTreeSet<String>,
}

impl Scrape {
    /// Reads an exposition.
    ///
    /// # Panics
    /// On a line that is not of the format, and on a duplicate sample.
    pub fn parse(text: &str) -> Scrape {
        let mut scrape = Scrape::default();
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                let words: Vec<&str> = comment.split_whitespace().collect();
                match words[..] {
                    ["TYPE", name, "counter"] => {
                        scrape.counters.insert(name.to_owned());
                    }
                    ["TYPE", name, "histogram"] => {
                        scrape.counters.extend(
                            ["_bucket", "_count", "_sum"].map(|part| format!("{name}{part}")),
                        );
                    }
                    _ => {}
                }
                continue;
            }
            let (key, value) = sample(line).unwrap_or_else(|| panic!("not a sample: {line}"));
            assert!(scrape.samples.insert(key, value).is_none(), "given twice: {line}");
        }
        scrape
    }

    /// Adds the scrapes of several instances, without the label of the partition.
    pub fn over_shards(scrapes: &[Scrape]) -> Scrape {
        let mut total = Scrape::default();
        for scrape in scrapes {
            for ((name, labels), value) in &scrape.samples {
                let mut labels = labels.clone();
                labels.remove("shard");
                *total.samples.entry((name.clone(), labels)).or_default() += value;
            }
            total.counters.extend(scrape.counters.iter().cloned());
        }
        total
    }

    /// Returns the value of one series.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }

    /// Adds the series of a name that have these labels among theirs.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.series(name)
            .filter(|(found, _)| {
                labels.iter().all(|(name, value)| found.get(*name).is_some_and(|v| v == value))
            })
            .map(|(_, value)| value)
            .sum()
    }

    /// Returns the samples that never fall: counters and the parts of histograms.
    pub fn counters(&self) -> impl Iterator<Item = (&SampleKey, f64)> {
        self.samples
            .iter()
            .filter(|((name, _), _)| self.counters.contains(name))
            .map(|(key, value)| (key, *value))
    }

    /// Returns the series of a name, as labels and value.
    pub fn series(&self, name: &str) -> impl Iterator<Item = (&BTreeMap<String, String>, f64)> {
        self.samples
            .iter()
            .filter(move |((found, _), _)| found == name)
            .map(|((_, labels), value)| (labels, *value))
    }

    /// Returns a line for each counter or part of a histogram that fell or vanished since an
    /// earlier scrape.
    pub fn fallen_since(&self, earlier: &Scrape) -> Vec<String> {
        earlier
            .samples
            .iter()
            .filter(|((name, _), _)| earlier.counters.contains(name))
            .filter_map(|(key, before)| match self.samples.get(key) {
                Some(now) if now >= before => None,
                Some(now) => Some(format!("{key:?}: {before} fell to {now}")),
                None => Some(format!("{key:?}: {before} vanished")),
            })
            .collect()
    }
}

pub fn sample(line: &str) -> Option<(SampleKey, f64)> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    if let Some(after) = rest.strip_prefix('{') {
        rest = after;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.insert(label.to_owned(), value);
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ')?.split(' ').next()?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        value => value.parse().ok()?,
    };
    Some(((name.to_owned(), labels), value))
}

/// Splits a text at its closing quote, and unescapes the part before it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}
