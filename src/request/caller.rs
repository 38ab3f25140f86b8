//! The caller of a request, and validation of the texts that a caller provides.

use crate::domain::Operator;
use crate::messages::is_plain;

use super::CommandFailure;
use super::account::account;

/// The caller of a request, as identified by the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(String);

impl Caller {
    /// The account at the other end of a socket.
    #[must_use]
    pub fn of_socket(stream: &tokio::net::UnixStream) -> Self {
        Self(match stream.peer_cred() {
            Ok(peer) => account(peer.uid()),
            Err(_) => "unknown uid".to_owned(),
        })
    }

    /// The caller of a request that only reads. It is recorded nowhere.
    #[must_use]
    pub(crate) fn nobody() -> Self {
        Self("nobody".to_owned())
    }

    /// The account that runs this process.
    #[must_use]
    pub fn myself() -> Self {
        match tokio::net::UnixStream::pair() {
            Ok((one, _)) => Self::of_socket(&one),
            Err(_) => Self("unknown uid".to_owned()),
        }
    }

    /// The operator: this account, and the name that the caller gave.
    ///
    /// # Errors
    /// If the name is not valid. See [`name_of`].
    pub fn named(self, name: Option<String>) -> Result<Operator, CommandFailure> {
        let name = name.map(|name| name_of(&name)).transpose()?;
        Ok(Operator { peer: self.0, name })
    }
}

/// The maximum length of a text, in characters. Statuses, issues and the ledger show it.
const LONGEST: usize = 255;
/// The maximum length of a caller's name, in characters.
const LONGEST_NAME: usize = 64;

/// Validates a text for the ledger: a single line of limited length, without control characters,
/// and with at least one letter or digit. `what` names the text in the error.
///
/// # Errors
/// If the text is not valid.
pub fn single_line(what: &str, text: &str) -> Result<String, CommandFailure> {
    let says_something = |text: &String| text.chars().any(char::is_alphanumeric);
    one_line(text, LONGEST).filter(says_something).ok_or_else(|| {
        CommandFailure::Usage(format!(
            "expected {what} in words, of one line and at most {LONGEST} characters"
        ))
    })
}

/// Validates the name that a caller gives. The account is shown in parentheses after it, so the
/// name itself must not contain any.
///
/// # Errors
/// If the name is not valid.
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
