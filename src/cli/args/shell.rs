//! The arguments of `probe`, `completions` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Clone, Debug, Args)]
pub struct ProbeArgs {
    /// URL of the governor, such as http://release-governor:8080; default: the listen address in
    /// the configuration.
    #[arg(value_name = "URL")]
    pub url: Option<String>,
}

/// The arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub struct Completions {
    /// Shell to generate the script for.
    pub shell: Shell,
}

/// The arguments of `man`.
#[derive(Clone, Debug, Args)]
pub struct Man {
    /// Write the program's page, and one page per command, to this directory.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
