//! Faults that leave the served numbers true: collected for the published state, and logged.

use crate::readmodel::{Degradation, PartitionHealth};

/// Collects the present faults: those of the process, then those of the partitions. A fault that
/// several workers report is listed once.
pub(super) fn degraded<'a>(
    ledger_trouble: Option<String>,
    workers: impl Iterator<Item = &'a Degradation>,
    partitions: &'a [PartitionHealth],
) -> Vec<Degradation> {
    let ledger = ledger_trouble.map(|trouble| Degradation {
        label: None,
        offset: None,
        cause: trouble.into(),
        remedy: "make room on the disk of the ledger, or end the process that locks it; nabiz \
                 retries by itself"
            .into(),
    });
    let mut all: Vec<Degradation> = ledger.into_iter().collect();
    for fault in workers.chain(partitions.iter().flat_map(|partition| &partition.degraded)) {
        if !all.contains(fault) {
            all.push(fault.clone());
        }
    }
    all
}

/// Logs the faults that have come and gone since the last call. A fault whose offset has moved is
/// still the same.
pub(super) fn log_changes(before: &[Degradation], now: &[Degradation]) {
    for fault in missing_in(before, now) {
        let label = fault.label.as_ref();
        tracing::warn!(
            topic = label.map(|label| &*label.topic),
            partition = label.map(|label| label.partition),
            offset = fault.offset.map(|offset| offset.0),
            cause = %fault.cause,
            remedy = %fault.remedy,
            "degraded"
        );
    }
    for fault in missing_in(now, before) {
        let label = fault.label.as_ref();
        tracing::info!(
            topic = label.map(|label| &*label.topic),
            partition = label.map(|label| label.partition),
            cause = %fault.cause,
            "no longer degraded"
        );
    }
}

/// Returns the faults that are not among `others`.
fn missing_in<'a>(
    others: &'a [Degradation],
    faults: &'a [Degradation],
) -> impl Iterator<Item = &'a Degradation> {
    faults.iter().filter(|fault| !others.iter().any(|other| other.is_same_fault(fault)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nabiz_core::ids::Offset;

    fn fault(cause: &'static str, offset: i64) -> Degradation {
        Degradation {
            label: None,
            offset: Some(Offset(offset)),
            cause: cause.into(),
            remedy: "repair it".into(),
        }
    }

    #[test]
    fn fault_is_listed_once_when_two_workers_report_it() {
        let reported = [fault("slow", 1), fault("slow", 1), fault("gone", 2)];
        let partition =
            PartitionHealth { degraded: vec![fault("stuck", 3)], ..PartitionHealth::default() };
        let all = degraded(Some("disk full".to_owned()), reported.iter(), &[partition]);
        let causes: Vec<&str> = all.iter().map(|fault| &*fault.cause).collect();
        assert_eq!(causes, ["disk full", "slow", "gone", "stuck"]);
    }

    #[test]
    fn fault_is_no_change_when_only_its_offset_moves() {
        let (before, now) = ([fault("stuck", 3)], [fault("stuck", 4), fault("slow", 1)]);
        let came: Vec<&Degradation> = missing_in(&before, &now).collect();
        assert_eq!(came, [&now[1]]);
        assert_eq!(missing_in(&now, &before).count(), 0);
    }
}
