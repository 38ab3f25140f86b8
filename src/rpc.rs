//! Requests to a running controller: its Unix socket, and the client that every command uses.
//! Whoever can open the socket may operate the controller. Knows no request by name: the daemon
//! gives the server its routes.

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
