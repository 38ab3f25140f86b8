//! ETags (RFC 9110), computed as a digest of the body.

use axum::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

/// Number of digest bytes in an ETag. 16 bytes make accidental collisions negligible.
const BYTES: usize = 16;

/// The strong ETag of a body.
pub(super) fn of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex: String = digest.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// Whether `If-None-Match` contains this ETag or `*`, so that the client already has the body. Uses
/// the weak comparison. A malformed list matches nothing from its first error on.
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).into_iter();
    lists.filter_map(|list| list.to_str().ok()).any(|list| holds(list, etag))
}

fn holds(list: &str, etag: &str) -> bool {
    let mut rest = list.trim();
    if rest == "*" {
        return true;
    }
    while !rest.is_empty() {
        let opaque = rest.strip_prefix("W/").unwrap_or(rest);
        let Some(text) = opaque.strip_prefix('"') else { return false };
        let Some((tag, after)) = text.split_once('"') else { return false };
        if etag.trim_matches('"') == tag {
            return true;
        }
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_an_etag_strong_or_weak_or_any() {
        let etag = of(b"{}");
        assert_eq!(etag, "\"44136fa355b3678a1146ad16f7e8649e\"");
        for list in [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"x\", {etag}"),
            format!("W/\"a,b\",{etag} , \"z\""),
            " * ".to_owned(),
        ] {
            assert!(holds(&list, &etag), "{list}");
        }
        for list in
            ["", "44136fa355b3678a1146ad16f7e8649e", "\"\"", "\"4413", "x, *", "\"x\" \"y\""]
        {
            assert!(!holds(list, &etag), "{list}");
        }
    }
}
