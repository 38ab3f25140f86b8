//! What people see and type.

mod config;
mod config_cli;
mod config_hostile;
