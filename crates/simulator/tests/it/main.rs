//! Tests of the simulator through its public interface.

mod reader;
mod simulation;
