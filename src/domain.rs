//! The design's words as plain values: no I/O, no clock, no opinion.
