//! Golden tests: the answers of the program for a fixed input, compared with files byte by byte.
//!
//! They reach the program only through its command line, its HTTP answers and its files, so a
//! refactoring does not touch them. `tests/golden/README.md` lists the files and says when one may
//! change.

mod commands;
mod expected;
mod exposition;
mod fixture;
mod json;
mod ledger;
mod program;
mod served;
mod stored;
