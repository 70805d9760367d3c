//! A mapping: a program with a name and a time zone.

use std::fmt;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

use crate::fuel;
use crate::program::{Mistake, Program, RunFault};
use crate::record::{Output, OutputFault, SourceRecord};
use crate::shipped;
use crate::value::fault_note;

/// Events that a record can become.
pub const OUTPUTS_MAX: usize = 16;

/// Why a mapping gave no events for a record. No text repeats a value of the record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The value begins as a JSON object and is none.
    #[error("the value begins as a JSON object and is none")]
    Json,
    /// The program raised an error. The text says which, where that repeats no value.
    #[error("the program raised an error{}", of_program(text))]
    Program {
        /// What was wrong, such as "`epoch_ms`: cannot use null as a count".
        text: Option<String>,
    },
    /// The program did more work than a record of this size may cost.
    #[error("the program did not end within the work that a record of this size may cost")]
    OutOfFuel,
    /// The program gave more than [`OUTPUTS_MAX`] outputs.
    #[error("the program gave more than {OUTPUTS_MAX} outputs")]
    TooManyOutputs,
    /// An output is neither an event nor a line.
    #[error(transparent)]
    Output(#[from] OutputFault),
}

fn of_program(text: &Option<String>) -> String {
    text.as_ref().map(|text| format!(": {text}")).unwrap_or_default()
}

/// A compiled mapping. It keeps no state: the same record always becomes the same events.
pub struct Mapping {
    name: String,
    source: String,
    program: Program,
    program_hash: [u8; 32],
    time_zone: TimeZone,
    time_zone_name: String,
    hash_key: [u8; 16],
}

impl Mapping {
    /// Compiles a mapping. `name` becomes the `source` of events that have none, with a `/` in
    /// front. `hash_key` is the secret key of the ids of events that have none.
    ///
    /// # Errors
    /// The mistakes of the program, at least one.
    pub fn compile(
        name: &str,
        code: &str,
        time_zone: TimeZone,
        hash_key: [u8; 16],
    ) -> Result<Self, Vec<Mistake>> {
        let time_zone_name = time_zone.iana_name().unwrap_or("UTC").to_owned();
        Ok(Mapping {
            name: name.to_owned(),
            source: format!("/{name}"),
            program: Program::compile(code)?,
            program_hash: hash(code),
            time_zone,
            time_zone_name,
            hash_key,
        })
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the SHA-256 of the program, of the filters that nabiz adds to jq, and of the zone:
    /// a record can become other events once it has changed.
    pub fn program_hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.program_hash);
        hash.update(&self.time_zone_name);
        hash.finalize().into()
    }

    /// Makes the events of a record; none where the mapping passes it over.
    ///
    /// # Errors
    /// A [`Fault`]: then the record has no events.
    pub fn apply(&self, record: &SourceRecord<'_>) -> Result<Vec<Output>, Fault> {
        fault_note::clear();
        fuel::refill(record.bytes());
        let (input, variables) = (record.input(), record.variables(&self.time_zone_name));
        if fuel::is_spent() {
            return Err(Fault::OutOfFuel);
        }
        let input = input.ok_or(Fault::Json)?;
        let outputs = self.program.run(input, variables, &self.time_zone, OUTPUTS_MAX);
        let outputs = outputs.map_err(|fault| match fault {
            RunFault::Error(text) => Fault::Program { text },
            RunFault::OutOfFuel => Fault::OutOfFuel,
            RunFault::TooManyOutputs => Fault::TooManyOutputs,
        })?;
        let outputs = outputs.into_iter().enumerate();
        let outputs = outputs
            .map(|(index, output)| record.output(output, index, &self.source, self.hash_key))
            .collect::<Result<Vec<_>, _>>()?;
        if fuel::is_spent() { Err(Fault::OutOfFuel) } else { Ok(outputs) }
    }
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping").field("name", &self.name).finish_non_exhaustive()
    }
}

fn hash(code: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(code);
    hash.update([0xff]);
    hash.update(shipped::PRELUDE);
    hash.finalize().into()
}
