//! What Prometheus makes of the governor: the real `prometheus`, `promtool` and `alertmanager`
//! against the real program, which governs a GitHub in a box.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]

// All of this is tests; said once more, clippy lets its helpers `unwrap`, too.
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
