//! The program `nabiz`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    nabiz::cli::main()
}
