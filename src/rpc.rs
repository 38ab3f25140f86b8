//! Requests to a running controller: its Unix socket, and the client that every command uses.
//!
//! Anyone who can open the socket may operate the controller. This module does not name any
//! request: the daemon passes the routes to the server.

mod address;
mod client;
mod running_config;
mod server;
mod setup;

pub use address::socket_path;
pub use client::{look, perform};
pub use running_config::GovernedRepositories;
pub use server::{Routes, Socket};
pub use setup::Setup;
