//! Tests the pure core against its design: a table and a ladder of decisions; properties of
//! deciding, planning, following, recovering and messages over arbitrary small worlds; and path
//! patterns against git itself.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]

// The attribute repeats that these are tests, so that clippy allows `unwrap` in helpers.
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod approvals_matrix;
#[cfg(test)]
mod approving;
#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod backtest;
#[cfg(test)]
#[path = "../sim/chance.rs"]
mod chance;
#[cfg(test)]
mod coherent;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod deploys;
#[cfg(test)]
#[path = "../described.rs"]
mod described;
#[cfg(test)]
mod dispatching;
#[cfg(test)]
mod dora;
#[cfg(test)]
mod following;
#[cfg(test)]
mod freezes;
#[cfg(test)]
mod ladder;
#[cfg(test)]
#[path = "../model/mod.rs"]
mod model;
#[cfg(test)]
mod modelled;
#[cfg(test)]
mod newest;
#[cfg(test)]
mod patterns_like_git;
#[cfg(test)]
mod people;
#[cfg(test)]
mod planning;
#[cfg(test)]
mod recovering;
#[cfg(test)]
mod releasing;
#[cfg(test)]
mod reverts;
#[cfg(test)]
mod rollbacks;
#[cfg(test)]
mod showing;
#[cfg(test)]
mod speaking;
#[cfg(test)]
mod table;
#[cfg(test)]
mod world;
