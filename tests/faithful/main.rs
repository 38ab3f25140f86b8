//! Validates the fake GitHub: its responses against GitHub's OpenAPI description, and its
//! behavior against what GitHub is known to do.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper that cannot go on has found what the test is there to find"
)]

mod client;
mod clients;
mod governor;
mod official;
mod openapi;
mod stories;
#[path = "../story/mod.rs"]
mod story;
mod traps;
mod whole_surface;
