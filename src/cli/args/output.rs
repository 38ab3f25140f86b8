//! The output options.

use clap::Args;

/// The output format of a command.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Output {
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}
