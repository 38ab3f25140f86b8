//! The arguments of an operator's command: the reason and the operator's name.

use crate::request;
use clap::Args;

/// The reason for an operator's command.
#[derive(Clone, Debug, Args)]
pub struct ReasonArg {
    /// The reason for this action, which is recorded in the ledger.
    #[arg(long = "reason", value_name = "TEXT", value_parser = reason)]
    text: String,
}

impl ReasonArg {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn reason(text: &str) -> Result<String, String> {
    request::single_line("a reason", text).map_err(|failure| failure.to_string())
}

fn name(text: &str) -> Result<String, String> {
    request::name_of(text).map_err(|failure| failure.to_string())
}

/// The name of the operator who runs the command.
#[derive(Clone, Debug, Args)]
pub struct OperatorArgs {
    /// Your name, which is recorded in the ledger together with the account that runs this command.
    #[arg(long = "as", value_name = "NAME", value_parser = name)]
    name: Option<String>,
}

impl OperatorArgs {
    /// The name given with `--as`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}
