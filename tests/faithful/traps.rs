//! GitHub's unexpected behaviors.

pub(crate) mod apps;
mod dispatches;
mod enterprise;
mod faults;
mod fleets;
mod http;
mod issues;
mod merge_queue;
mod people;
mod pulls;
mod ranges;
mod repositories;
mod runs;
mod timelines;
