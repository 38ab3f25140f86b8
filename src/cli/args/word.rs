//! What goes with an operator's word: why, and who says it.

use clap::Args;

/// Why an operator says it.
#[derive(Clone, Debug, Args)]
pub struct Reason {
    /// Why, for those who read it later.
    #[arg(long = "reason", value_name = "TEXT", value_parser = reason)]
    text: String,
}

impl Reason {
    /// The reason.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Statuses, issues and the ledger show it.
const LONGEST_REASON: usize = 255;

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= LONGEST_REASON;
    if fits && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected one line of at most {LONGEST_REASON} characters"))
    }
}

/// Who says it.
#[derive(Clone, Debug, Args)]
pub struct Operator {
    /// Your name in the ledger, beside the account that runs this command.
    #[arg(long = "as", value_name = "NAME", value_parser = reason)]
    name: Option<String>,
}

impl Operator {
    /// The name that was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}
