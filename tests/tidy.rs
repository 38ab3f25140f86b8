//! The layout of the code, checked: who knows whom, where time and writes come from, how long
//! things are, and that the documents name all that the program does.
//!
//! Every check is a function of a file's path and text, and is itself tested on text that it must
//! refuse. `docs/architecture.md` says why the rules are what they are.

// All of this is tests; said once more, clippy lets its helpers `unwrap`, too.
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
