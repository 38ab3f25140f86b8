//! What operators may ask, one function each.

mod check_config;
mod choose;
mod failure;
pub mod view;

pub use check_config::{Checked, CheckedRepository, check_config};
pub use choose::choose;
pub use failure::Failure;
