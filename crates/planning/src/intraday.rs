//! Correction of the rest of a day by what has arrived so far.
