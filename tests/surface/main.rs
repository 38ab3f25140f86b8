//! The interface for users and earlier versions, which must not change by accident.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cloned_ref_to_slice_refs,
    reason = "a test asserts on what it names, and compares with a list of it"
)]

// The attribute repeats that these are tests, so that clippy allows `unwrap` in helpers.
#[cfg(test)]
mod api;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backtest;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod config;
#[cfg(test)]
mod config_cli;
#[cfg(test)]
mod config_hostile;
#[cfg(test)]
mod demo;
#[cfg(test)]
#[path = "../described.rs"]
mod described;
#[cfg(test)]
mod holds;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod looks;
#[cfg(test)]
mod measures;
#[cfg(test)]
mod network;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod preflight;
#[cfg(test)]
mod process;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod town;
#[cfg(test)]
mod what_if;
