//! Who asks, and the texts that they give.

use crate::domain::Operator;
use crate::messages::is_plain;

use super::CommandFailure;
use super::account::account;

/// Who asks, by the system's word and not by their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(String);

impl Caller {
    /// The peer of a socket.
    #[must_use]
    pub fn of_socket(stream: &tokio::net::UnixStream) -> Self {
        Self(match stream.peer_cred() {
            Ok(peer) => account(peer.uid()),
            Err(_) => "unknown uid".to_owned(),
        })
    }

    /// Somebody who only looks: whatever they ask is recorded nowhere.
    #[must_use]
    pub(crate) fn nobody() -> Self {
        Self("nobody".to_owned())
    }

    /// Whoever runs this process.
    #[must_use]
    pub fn myself() -> Self {
        match tokio::net::UnixStream::pair() {
            Ok((one, _)) => Self::of_socket(&one),
            Err(_) => Self("unknown uid".to_owned()),
        }
    }

    /// With the name that they gave.
    ///
    /// # Errors
    /// Where the name is none.
    pub fn named(self, name: Option<String>) -> Result<Operator, CommandFailure> {
        let name = name.map(|name| name_of(&name)).transpose()?;
        Ok(Operator { peer: self.0, name })
    }
}

/// Statuses, issues and the ledger show it.
const LONGEST: usize = 255;
/// A person's name.
const LONGEST_NAME: usize = 64;

/// A text that goes into the ledger: one line of a bearable length, and nothing that hides.
///
/// # Errors
/// What was expected.
pub fn single_line(what: &str, text: &str) -> Result<String, CommandFailure> {
    let says_something = |text: &String| text.chars().any(char::is_alphanumeric);
    one_line(text, LONGEST).filter(says_something).ok_or_else(|| {
        CommandFailure::Usage(format!(
            "expected {what} in words, of one line and at most {LONGEST} characters"
        ))
    })
}

/// A name that somebody gives themselves. The account stands in parentheses beside it, so that a
/// name has none.
///
/// # Errors
/// What was expected.
pub fn name_of(text: &str) -> Result<String, CommandFailure> {
    one_line(text, LONGEST_NAME).filter(|name| !name.contains(['(', ')'])).ok_or_else(|| {
        CommandFailure::Usage(format!(
            "expected a name of one line, at most {LONGEST_NAME} characters, without parentheses"
        ))
    })
}

fn one_line(text: &str, longest: usize) -> Option<String> {
    let text = text.trim();
    let is_plain = !text.is_empty() && is_plain(text) && text.chars().count() <= longest;
    is_plain.then(|| text.to_owned())
}
