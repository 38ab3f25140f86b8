//! The commands about the program itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// The arguments of `probe`.
#[derive(Clone, Debug, Args)]
pub struct ProbeArgs {
    /// The address of the governor, such as http://release-governor:8080; default: the listen address
    /// in the configuration.
    #[arg(value_name = "URL")]
    pub url: Option<String>,
}

/// The arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// The shell.
    pub shell: Shell,
}

/// The arguments of `man`.
#[derive(Clone, Debug, Args)]
pub struct Man {
    /// Write the page of the program, and one for each command, to this directory.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
