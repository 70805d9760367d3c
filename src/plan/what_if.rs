//! Changes of the numbers that a plan goes by: "what if a tenth more calls come?".

use nabiz_core::time::parse_duration;

/// Most that a factor can be.
const FACTOR_MAX: f64 = 100.0;

/// A change of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// The number times this.
    Factor(f64),
    /// The number plus this; never below 0.
    Plus(f64),
    /// This number in its place.
    Instead(f64),
}

impl Change {
    /// Returns the changed number, at least 0.
    pub fn of(self, number: f64) -> f64 {
        match self {
            Change::Factor(factor) => number * factor,
            Change::Plus(more) => (number + more).max(0.0),
            Change::Instead(other) => other,
        }
    }

    /// Reads a change of a volume: `1.1`, `+10%`, `-5%`.
    pub(super) fn of_volume(text: &str) -> Result<Change, String> {
        factor(text).ok_or_else(|| format!("expected a factor such as 1.1 or +10%, found {text:?}"))
    }

    /// Reads a change of a time: `1.1`, `+10%`, `+30s`, `-20s`, or `240s` in its place.
    pub(super) fn of_time(text: &str) -> Result<Change, String> {
        let seconds = |text: &str| {
            let parsed = parse_duration(text).ok();
            parsed.map(|duration| duration.as_secs_f64()).filter(|seconds| *seconds > 0.0)
        };
        let read = factor(text).or_else(|| match text.split_at_checked(1)? {
            ("+", more) => seconds(more).map(Change::Plus),
            ("-", less) => seconds(less).map(|less| Change::Plus(-less)),
            _ => seconds(text).map(Change::Instead),
        });
        read.ok_or_else(|| {
            format!(
                "expected a factor such as 1.1 or +10%, or a time such as +30s, -20s or 240s, \
                     found {text:?}"
            )
        })
    }

    /// Reads a change of agents: `+2`, `-1`, `+10%`, or `12` in their place.
    pub(super) fn of_agents(text: &str) -> Result<Change, String> {
        let whole = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|_| digits).map(f64::from)
        };
        let read = match text.split_at_checked(1) {
            Some((_, _)) if text.ends_with('%') => factor(text),
            Some(("+", more)) => whole(more).map(Change::Plus),
            Some(("-", less)) => whole(less).map(|less| Change::Plus(-less)),
            _ => whole(text).map(Change::Instead),
        };
        read.ok_or_else(|| {
            format!("expected agents such as 12, +2 or -1, or a share such as +10%, found {text:?}")
        })
    }
}

fn factor(text: &str) -> Option<Change> {
    let (number, share) = match text.strip_suffix('%') {
        Some(percent) if percent.starts_with(['+', '-']) => (percent, true),
        Some(_) => return None,
        None if text.starts_with(['+', '-']) => return None,
        None => (text, false),
    };
    // `parse` also reads words such as inf.
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
    let number: f64 = number.parse().ok().filter(|_| plain)?;
    let factor = if share { 1.0 + number / 100.0 } else { number };
    (factor > 0.0 && factor <= FACTOR_MAX).then_some(Change::Factor(factor))
}

/// The changes of one plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WhatIf {
    /// Of what arrives.
    pub volume: Option<Change>,
    /// Of the mean handle time.
    pub aht: Option<Change>,
    /// Of the mean patience.
    pub patience: Option<Change>,
    /// Of the agents that the plan needs: it then also says what comes of so many.
    pub agents: Option<Change>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_a_factor_a_difference_or_another_number() {
        let cases: [(Result<Change, String>, Change, f64); 10] = [
            (Change::of_volume("1.1"), Change::Factor(1.1), 110.0),
            (Change::of_volume("+10%"), Change::Factor(1.1), 110.0),
            (Change::of_volume("-25%"), Change::Factor(0.75), 75.0),
            (Change::of_time("+30s"), Change::Plus(30.0), 130.0),
            (Change::of_time("-2m"), Change::Plus(-120.0), 0.0),
            (Change::of_time("4m"), Change::Instead(240.0), 240.0),
            (Change::of_time("0.9"), Change::Factor(0.9), 90.0),
            (Change::of_agents("12"), Change::Instead(12.0), 12.0),
            (Change::of_agents("+2"), Change::Plus(2.0), 102.0),
            (Change::of_agents("-1"), Change::Plus(-1.0), 99.0),
        ];
        for (read, expected, changed) in cases {
            let read = read.unwrap();
            assert!((read.of(100.0) - changed).abs() < 1e-9, "{read:?}");
            assert!((read.of(100.0) - expected.of(100.0)).abs() < 1e-9, "{read:?}");
        }
    }

    #[test]
    fn change_is_refused_when_it_is_no_number() {
        for text in ["", "x", "0", "-1", "inf", "nan", "10%", "1e3", "-100%", "101", "+1", "é%"] {
            assert!(Change::of_volume(text).is_err(), "{text}");
        }
        for text in ["", "+", "+30", "30", "0s", "s", "é"] {
            let read = Change::of_time(text);
            assert!(read.is_err() || text == "30", "{text}: {read:?}");
        }
        for text in ["", "+", "1.5", "12x", "-", "70000", "é"] {
            assert!(Change::of_agents(text).is_err(), "{text}");
        }
    }
}
