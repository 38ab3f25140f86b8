//! Holds the box to GitHub: its answers to GitHub's own OpenAPI description, its behaviour to
//! what GitHub is known to do.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test's helper that cannot go on has found what the test is there to find"
)]

mod client;
mod clients;
mod governor;
mod openapi;
#[path = "../story/mod.rs"]
mod story;
mod traps;
mod whole_surface;
