//! Golden tests: the answers of the program for a fixed input, compared with files to the letter.
//!
//! They reach the program only through its command line, its HTTP answers and its files, so that
//! they hold whatever happens inside. `tests/golden/README.md` lists the files and says when one
//! may change.

mod commands;
mod expected;
mod exposition;
mod fixture;
mod json;
mod ledger;
mod program;
mod served;
mod stored;
