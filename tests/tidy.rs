//! Checks the layout of the code: module dependencies, sources of time and of writes, lengths,
//! and that the documents cover everything the program does.
//!
//! Every check is a function of a file's path and text, and is itself tested on text that it
//! must reject. `docs/architecture.md` explains the rules.

// The attribute repeats that these are tests, so that clippy allows `unwrap` in helpers.
#[cfg(test)]
#[path = "tidy/docs.rs"]
mod docs;
#[cfg(test)]
#[path = "tidy/mutations.rs"]
mod mutations;
#[cfg(test)]
#[path = "tidy/names.rs"]
mod names;
#[cfg(test)]
#[path = "tidy/reading.rs"]
mod reading;
#[cfg(test)]
#[path = "tidy/rules.rs"]
mod rules;
