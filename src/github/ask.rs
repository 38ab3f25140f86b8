//! Read requests: their path, purpose and cache key.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ReadError;
use super::wire::Unusable;
use crate::domain::plain_text::on_one_line;
use crate::domain::secrets::hide;

/// The characters that stay unescaped in a path segment or query value: RFC 3986's unreserved
/// characters.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes `text` as one path segment or as a query value.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A read request.
pub(super) struct ReadRequest {
    /// The name in metrics and logs.
    pub(super) operation: &'static str,
    /// The purpose, as it follows "cannot" in error messages.
    pub(super) what: String,
    /// Path and query below the API's base URL.
    pub(super) path: String,
    /// Distinguishes cache entries of the same URL by what is kept of the body. `None` means
    /// that the answer is not cached.
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
        // The reason may quote the malformed input, which a stranger may have written.
        let why = format!("GET {}: {}", self.path, on_one_line(&hide(why)));
        ReadError::Malformed { what: self.what.clone(), why }
    }
}
