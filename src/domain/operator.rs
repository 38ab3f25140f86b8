//! Who speaks as an operator.

use serde::{Deserialize, Serialize};

/// Who spoke: the peer of the socket (or the user of the file), and the name they gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The system's word for who it was, such as `uid 1000`.
    pub peer: String,
    /// `--as NAME`.
    pub name: Option<String>,
}

impl Operator {
    /// How people are told who it was.
    #[must_use]
    pub fn display(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} ({})", self.peer),
            None => self.peer.clone(),
        }
    }
}
