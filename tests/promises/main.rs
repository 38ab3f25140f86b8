//! The design's promises, one file each, told as stories over HTTP traffic with a GitHub in a box.

// All of this is tests; said once more, clippy lets its helpers `unwrap`, too.
#[cfg(test)]
mod found;
#[cfg(test)]
mod s2;
#[cfg(test)]
#[path = "../story/mod.rs"]
mod story;
