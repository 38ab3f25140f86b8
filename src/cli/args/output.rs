//! How a command prints what it found.

use clap::Args;

/// How a command prints what it found.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Output {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
