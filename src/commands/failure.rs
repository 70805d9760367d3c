//! The failure of a command.

use std::fmt;
use std::io;

/// The reason for which a command failed. It decides the exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong usage or configuration: exit code 2.
    Usage(anyhow::Error),
    /// Failed while running: exit code 1.
    Running(anyhow::Error),
}

impl Failure {
    /// Returns a usage failure, for `map_err`.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Failure::Usage(error.into())
    }

    /// Returns the exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Running(_) => 1,
            Failure::Usage(_) => 2,
        }
    }

    /// Returns whether the command failed because the reader of its output closed the pipe.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        let Failure::Running(error) = self else { return false };
        let is_broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        error.chain().any(|cause| cause.downcast_ref().is_some_and(is_broken))
    }
}

impl fmt::Display for Failure {
    /// Writes the error with its causes, separated by colons.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Usage(error) | Failure::Running(error)) = self;
        write!(out, "{error:#}")
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Running(error)
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn failure_is_a_broken_pipe_when_a_cause_is() {
        let write = |kind: io::ErrorKind| -> anyhow::Result<()> {
            Err(io::Error::from(kind)).context("cannot write to standard output")
        };
        let failure = |kind| Failure::from(write(kind).unwrap_err());
        assert!(failure(io::ErrorKind::BrokenPipe).is_broken_pipe());
        assert!(!failure(io::ErrorKind::StorageFull).is_broken_pipe());
        let usage = Failure::Usage(write(io::ErrorKind::BrokenPipe).unwrap_err());
        assert!(!usage.is_broken_pipe() && usage.exit_code() == 2);
    }
}
