//! Loading of the program of a mapping.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use nabiz_core::calendar::time_zone;
use nabiz_mapping::{Mapping, Mistake, shipped};

use crate::config::MappingProgram;

/// Largest program that is read, in bytes. The compiler has a smaller bound, and says so.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum MappingError {
    #[error("{file}: cannot read the mapping")]
    File { file: String, source: io::Error },
    #[error("{}", located(program, mistakes))]
    Mistakes { program: String, mistakes: Vec<Mistake> },
}

/// Returns each mistake on a line of its own, after the name of the program.
fn located(program: &str, mistakes: &[Mistake]) -> String {
    let lines = mistakes.iter().map(|mistake| {
        let Mistake { line, column, message } = mistake;
        format!("{program}:{line}:{column}: {message}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the program that a command line names: a shipped mapping, else a file.
pub(super) fn program(name: &str) -> MappingProgram {
    match shipped(name) {
        Some(shipped) => MappingProgram::Shipped(shipped),
        None => MappingProgram::File(PathBuf::from(name)),
    }
}

/// Compiles the program of a mapping.
///
/// # Errors
/// [`MappingError`] where its file cannot be read, or it has mistakes.
pub(super) fn compile(
    program: &MappingProgram,
    zone: &str,
    hash_key: [u8; 16],
) -> Result<Mapping, MappingError> {
    let (name, place, code) = match program {
        MappingProgram::Shipped(shipped) => {
            (shipped.name.to_owned(), shipped.name.to_owned(), shipped.code.to_owned())
        }
        MappingProgram::File(file) => {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let place = file.display().to_string();
            let code =
                read(file).map_err(|source| MappingError::File { file: place.clone(), source })?;
            (name, place, code)
        }
    };
    // The configuration has checked the name of the zone.
    let zone = time_zone(zone).unwrap_or(TimeZone::UTC);
    Mapping::compile(&name, &code, zone, hash_key)
        .map_err(|mistakes| MappingError::Mistakes { program: place, mistakes })
}

fn read(file: &Path) -> io::Result<String> {
    let mut code = String::new();
    File::open(file)?.take(FILE_BYTES_MAX).read_to_string(&mut code)?;
    Ok(code)
}
