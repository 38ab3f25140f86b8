//! What every command has in common: it can be sent to a running controller, or carried out here.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::controller::Controller;
use crate::domain::Operator;

use super::Failure;

/// Something that an operator asks of a controller.
pub trait Ask: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name, as the command line has it.
    const NAME: &'static str;

    /// What is answered.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Whether it may need to write to GitHub.
    fn writes(&self) -> bool;

    /// Does it.
    fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// Who asks, by the system's word and not by their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(String);

impl Caller {
    /// The peer of a socket.
    #[must_use]
    pub fn of_socket(stream: &tokio::net::UnixStream) -> Self {
        Self(match stream.peer_cred() {
            Ok(peer) => format!("uid {}", peer.uid()),
            Err(_) => "unknown uid".to_owned(),
        })
    }

    /// Somebody who only looks: whatever they ask is recorded nowhere.
    #[must_use]
    pub(super) fn nobody() -> Self {
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
    pub fn named(self, name: Option<String>) -> Result<Operator, Failure> {
        let name = name.map(|name| line("a name", &name)).transpose()?;
        Ok(Operator { peer: self.0, name })
    }
}

/// Statuses, issues and the ledger show it.
const LONGEST: usize = 255;

/// A text that goes into the ledger: one line of a bearable length.
pub(super) fn line(what: &str, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    let fits = !text.is_empty() && text.chars().count() <= LONGEST;
    if fits && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Failure::Usage(format!("expected {what} of one line and at most {LONGEST} characters")))
}
