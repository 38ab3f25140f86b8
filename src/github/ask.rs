//! What is asked of GitHub: which read, and what for.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ReadError;
use super::wire::Unusable;
use crate::domain::plain_text::on_one_line;
use crate::domain::secrets::hide;

/// What a path's segment or a query's value keeps as it is: RFC 3986's unreserved characters.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` as one segment of a path, or as a query's value.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A read: what for, and which.
pub(super) struct ReadRequest {
    /// Its name in metrics and logs.
    pub(super) operation: &'static str,
    /// After "cannot": what was wanted, of what.
    pub(super) what: String,
    /// Path and query below the API's address.
    pub(super) path: String,
    /// What of the answer is remembered; none: nothing is.
    pub(super) kept: Option<String>,
}

impl ReadRequest {
    pub(super) fn new(operation: &'static str, what: String, path: String) -> Self {
        Self { operation, what, path, kept: Some(String::new()) }
    }

    pub(super) fn unusable(&self, why: Unusable) -> ReadError {
        match why {
            Unusable::Malformed(why) => self.malformed(&why),
            Unusable::EmptyList { counted } => {
                ReadError::EmptyList { what: self.what.clone(), counted }
            }
        }
    }

    pub(super) fn malformed(&self, why: &str) -> ReadError {
        // It may quote what makes no sense, and a stranger may have written that.
        let why = format!("GET {}: {}", self.path, on_one_line(&hide(why)));
        ReadError::Malformed { what: self.what.clone(), why }
    }
}
