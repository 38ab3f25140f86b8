//! Monitoring tests: the real `prometheus`, `promtool` and `alertmanager` with the real
//! program, which governs a fake GitHub.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]

// The attribute repeats that these are tests, so that clippy allows `unwrap` in helpers.
#[cfg(test)]
mod alerts;
#[cfg(test)]
mod busy_day;
#[cfg(test)]
mod dashboard;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod tools_work;
#[cfg(test)]
#[path = "../surface/town.rs"]
#[allow(dead_code, reason = "each test binary uses its own part of the town")]
mod town;
