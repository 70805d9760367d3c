//! The resources that a process and its children have used, from `/proc`.

use std::fs;
use std::process::Child;

/// Clock ticks a second, which Linux fixes for `/proc`.
const TICKS: f64 = 100.0;

/// Use of a process and of all it has started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time.
    pub cpu_seconds: f64,
    /// Peak resident memory; of several processes the sum of their peaks.
    pub peak_bytes: u64,
    /// Resident memory now.
    pub resident_bytes: u64,
}

impl Usage {
    /// Returns the current usage.
    pub fn of(child: &Child) -> Usage {
        let mut usage = Usage::default();
        for pid in tree(child.id()) {
            let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            // The command's name may hold spaces; it ends with the last parenthesis.
            let fields: Vec<&str> =
                stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            // utime, stime, and those of the children that have been waited for.
            let ticks: u64 =
                fields.iter().skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
            usage.cpu_seconds += ticks as f64 / TICKS;
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            usage.peak_bytes += kib(&status, "VmHWM:") << 10;
            usage.resident_bytes += kib(&status, "VmRSS:") << 10;
        }
        usage
    }
}

fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

/// Returns a process and its descendants.
fn tree(root: u32) -> Vec<u32> {
    let mut all = vec![root];
    let mut next = 0;
    while next < all.len() {
        let pid = all[next];
        next += 1;
        let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for task in tasks.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    all
}

/// Returns the quantile `part` of the values.
pub fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (part * values.len() as f64).ceil() as usize;
    values.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

pub fn median(values: &[f64]) -> f64 {
    quantile(&mut values.to_vec(), 0.5)
}
