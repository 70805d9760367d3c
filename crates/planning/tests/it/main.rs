//! Tests of planning against checked values, brute force and real counts.
