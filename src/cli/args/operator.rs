//! What goes with an operator's word: why, and who says it.

use crate::request;
use clap::Args;

/// Why an operator says it.
#[derive(Clone, Debug, Args)]
pub struct ReasonArg {
    /// The reason, for those who read the ledger later.
    #[arg(long = "reason", value_name = "TEXT", value_parser = reason)]
    text: String,
}

impl ReasonArg {
    /// The reason.
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

/// Who says it.
#[derive(Clone, Debug, Args)]
pub struct OperatorArgs {
    /// Your name in the ledger, next to the account that runs this command.
    #[arg(long = "as", value_name = "NAME", value_parser = name)]
    name: Option<String>,
}

impl OperatorArgs {
    /// The name that was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}
