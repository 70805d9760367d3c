//! Arguments in, a command called; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    nabiz::commands::main()
}
