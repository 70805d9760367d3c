//! The least number of agents that reaches a goal.
