//! Parsing of bodies, and why one cannot be used.

use serde::de::DeserializeOwned;

use super::BoundedPage;

/// Why a body cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::github) enum Unusable {
    /// It does not match GitHub's description. Contains what is wrong and where.
    Malformed(String),
    /// GitHub reports a total above zero, but lists no items.
    EmptyList {
        /// The value of `total_count`.
        counted: u64,
    },
}

impl From<String> for Unusable {
    fn from(why: String) -> Self {
        Self::Malformed(why)
    }
}

impl From<&str> for Unusable {
    fn from(why: &str) -> Self {
        Self::Malformed(why.to_owned())
    }
}

/// Parses a body. The error names the place in it.
pub(in crate::github) fn parse<W: DeserializeOwned>(body: &[u8]) -> Result<W, Unusable> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| error.to_string())?;
    json.end().map_err(|error| error.to_string())?;
    Ok(value)
}

/// The items of a page. A page may be shorter than the total suggests, because lists change
/// during pagination. But an empty page of a non-empty list is not usable.
pub(super) fn listed<T>(
    items: BoundedPage<T>,
    counted: Option<u64>,
) -> Result<BoundedPage<T>, Unusable> {
    match counted {
        Some(counted) if counted > 0 && items.0.is_empty() => Err(Unusable::EmptyList { counted }),
        Some(_) | None => Ok(items),
    }
}
