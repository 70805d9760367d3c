//! Tests of the simulator alone.

mod reader;
mod simulation;
