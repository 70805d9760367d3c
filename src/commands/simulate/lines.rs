//! Events as NDJSON: one JSON object a line.

use std::io::{self, BufWriter, ErrorKind, Write};

use nabiz_core::time::Timestamp;
use nabiz_simulator::Simulation;

use super::Written;
use super::pace::Pace;

/// Writes every event of `simulation`. A closed pipe is no failure.
pub(super) fn write(
    simulation: &mut Simulation,
    out: impl Write,
    pace: Pace,
) -> anyhow::Result<Written> {
    match write_all(simulation, out, &pace) {
        Ok(()) => Ok(Written::All),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Written::PipeClosed),
        Err(error) => Err(error.into()),
    }
}

fn write_all(simulation: &mut Simulation, out: impl Write, pace: &Pace) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    for (count, event) in simulation.enumerate() {
        if pace.wait_until(Timestamp(event.time_ms)).is_some() {
            out.flush()?;
            pace.sleep_until(Timestamp(event.time_ms));
        }
        out.write_all(event.json.as_bytes())?;
        out.write_all(b"\n")?;
        if count % 4096 == 0 {
            pace.show(Timestamp(event.time_ms));
        }
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressBar;

    use super::super::pace::Speed;
    use super::*;
    use nabiz_simulator::{DEFAULT_START_MS, Options, Scenario};

    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write_to(out: impl Write) -> anyhow::Result<Written> {
        let options = Options { duration_ms: Some(600_000), ..Options::default() };
        let mut simulation = Simulation::new(Scenario::OrdinaryDay, options);
        write(
            &mut simulation,
            out,
            Pace::starting_now(Timestamp(DEFAULT_START_MS), Speed::Max, ProgressBar::hidden()),
        )
    }

    #[test]
    fn write_fails_for_every_error_but_a_closed_pipe() {
        let mut lines = Vec::new();
        assert!(matches!(write_to(&mut lines), Ok(Written::All)));
        assert!(lines.ends_with(b"}}\n"));
        assert!(matches!(write_to(Failing(ErrorKind::BrokenPipe)), Ok(Written::PipeClosed)));
        assert!(write_to(Failing(ErrorKind::StorageFull)).is_err());
    }
}
