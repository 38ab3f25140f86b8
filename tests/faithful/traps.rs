//! What GitHub does that one would not expect.

mod dispatches;
mod faults;
mod http;
mod issues;
mod ranges;
mod repositories;
mod runs;
