//! `check-config`: whether a configuration is good, by itself and held against GitHub.

mod calendar;
mod check_config;
mod facts;
mod github;
mod rules;
mod view;

pub use calendar::calendar;
pub use check_config::{Checked, CheckedRepository, check_config};
pub use github::preflight;
pub use view::{ConfigFinding, Preflight, Severity, Unchecked};
