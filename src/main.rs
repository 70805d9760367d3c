//! Arguments in, a command called; nothing else.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    nabiz::commands::main()
}
