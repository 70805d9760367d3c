//! Golden tests: the answers of the program for a fixed input, compared with files byte by byte.
//!
//! They reach the program only through its command line, its HTTP answers and its files, so a
//! change inside the program cannot break them. `tests/golden/README.md` lists the files and the
//! reasons for which one may change.

mod commands;
mod expected;
mod exposition;
mod fixture;
mod json;
mod ledger;
mod program;
mod served;
mod stored;
