//! The design's promises, one file each, as stories over HTTP with a fake GitHub.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]

// The attribute repeats that these are tests, so that clippy allows `unwrap` in helpers.
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod brake;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod degraded;
#[cfg(test)]
mod deploys;
#[cfg(test)]
mod exactly_once;
#[cfg(test)]
mod fleet;
#[cfg(test)]
mod found;
#[cfg(test)]
mod freezes;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod l1;
#[cfg(test)]
mod l2;
#[cfg(test)]
mod lost_disk;
#[cfg(test)]
mod named_commits;
#[cfg(test)]
mod older_copy;
#[cfg(test)]
mod overlooked;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod renamed;
#[cfg(test)]
mod reverted;
#[cfg(test)]
mod s1;
#[cfg(test)]
mod s2;
#[cfg(test)]
mod s2_answers;
#[cfg(test)]
mod s2_attempts;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod s4;
#[cfg(test)]
mod s5;
#[cfg(test)]
mod s6;
#[cfg(test)]
mod s7;
#[cfg(test)]
mod s8;
#[cfg(test)]
mod s9;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod statuses;
#[cfg(test)]
#[path = "../story/mod.rs"]
mod story;
#[cfg(test)]
mod unlisted;
#[cfg(test)]
mod verified;
