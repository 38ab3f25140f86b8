//! Removes the credentials that were sent from every answer, before anything else reads it: a
//! server or a proxy may echo what it received.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use memchr::memmem;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::secrets::{HIDDEN, hide};

/// The number of credentials that are remembered, most recent first. Older GitHub tokens are
/// still recognized by their format.
const MOST: usize = 32;

/// The credentials that were sent.
#[derive(Default)]
pub(super) struct Secrets(Mutex<VecDeque<SecretString>>);

impl Secrets {
    /// Remembers the credential in an `Authorization` header.
    pub(super) fn note(&self, authorization: &HeaderValue) {
        let Ok(text) = authorization.to_str() else { return };
        let secret = text.split_once(' ').map_or(text, |(_, secret)| secret);
        let mut known = self.lock();
        let is_it = |one: &SecretString| one.expose_secret() == secret;
        match known.iter().position(is_it) {
            Some(0) => {}
            Some(place) => known.swap(0, place),
            None if secret.is_empty() => {}
            None => {
                known.push_front(SecretString::from(secret));
                known.truncate(MOST);
            }
        }
    }

    /// Hides secrets in headers, even where they are percent-encoded in a URL.
    pub(super) fn hide_in_headers(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            let Ok(text) = value.to_str() else { continue };
            let decoded = percent_decode_str(text).decode_utf8_lossy();
            let plain = self.hidden(text);
            let is_encoded = decoded != text && self.hidden(&decoded) != decoded;
            let shown = if is_encoded { HIDDEN } else { &plain };
            if shown != text
                && let Ok(shown) = HeaderValue::from_str(shown)
            {
                *value = shown;
            }
        }
    }

    /// Hides the credentials that were sent in a body. Text that merely looks like a secret
    /// stays: decisions depend on file names, which strangers can choose.
    pub(super) fn hide_in_body(&self, body: Bytes) -> Bytes {
        let body = if memmem::find(&body, br"\u00").is_some() {
            Bytes::from(without_needless_escapes(&body))
        } else {
            body
        };
        let known = self.known();
        known.iter().fold(body, |body, secret| without(body, secret.expose_secret().as_bytes()))
    }

    fn hidden(&self, text: &str) -> String {
        let known = self.known();
        let text = known
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), HIDDEN));
        hide(&text).into_owned()
    }

    /// A copy, so that a long search does not block other requests.
    fn known(&self) -> Vec<SecretString> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<SecretString>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn without(body: Bytes, secret: &[u8]) -> Bytes {
    let mut found = memmem::find_iter(&body, secret).peekable();
    if found.peek().is_none() {
        return body;
    }
    let (mut shown, mut done) = (Vec::with_capacity(body.len()), 0);
    for start in found {
        shown.extend_from_slice(body.get(done..start).unwrap_or_default());
        shown.extend_from_slice(HIDDEN.as_bytes());
        done = start + secret.len();
    }
    shown.extend_from_slice(body.get(done..).unwrap_or_default());
    shown.into()
}

/// Rewrites JSON so that letters, digits and the other characters of tokens are not escaped.
fn without_needless_escapes(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            plain.push(*first);
            continue;
        }
        if let Some((character, behind)) = needless_escape(after) {
            plain.push(character);
            rest = behind;
        } else if let Some((second, behind)) = after.split_first() {
            plain.extend([*first, *second]);
            rest = behind;
        } else {
            plain.push(*first);
        }
    }
    plain
}

/// The character that `u00XY` after a backslash encodes, if it needs no escape, and the rest.
fn needless_escape(after: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = after.strip_prefix(b"u00")?.split_at_checked(2)?;
    let character = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    let is_plain = character.is_ascii_alphanumeric() || matches!(character, b'_' | b'-' | b'.');
    is_plain.then_some((character, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(sent: &[&str]) -> Secrets {
        let secrets = Secrets::default();
        for secret in sent {
            secrets.note(&HeaderValue::from_str(&format!("Bearer {secret}")).unwrap());
        }
        secrets
    }

    #[test]
    fn only_escapes_that_nothing_needs_are_resolved() {
        let plain = |text: &str| {
            let plain = without_needless_escapes(text.as_bytes());
            let (before, after) =
                (format!("\"{text}\""), String::from_utf8(plain.clone()).unwrap());
            let value = |text: &str| serde_json::from_str::<String>(text).unwrap();
            assert_eq!(value(&before), value(&format!("\"{after}\"")), "{text}");
            after
        };
        assert_eq!(plain(r"\u0067hp\u005F\u0041"), "ghp_A");
        assert_eq!(plain(r"\\u0067\u0022\u005c\n\u003c"), r"\\u0067\u0022\u005c\n\u003c");
        assert_eq!(without_needless_escapes(br"\u00"), br"\u00");
        assert_eq!(without_needless_escapes(br"\"), br"\");
    }

    #[test]
    fn the_newest_credentials_are_remembered() {
        let many: Vec<String> = (0..40).map(|number| format!("secret-{number}-x")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let secrets = secrets(&many);
        secrets.note(&HeaderValue::from_static("Bearer secret-20-x"));
        let body = secrets.hide_in_body(Bytes::from_static(b"secret-39-x secret-20-x secret-1-x"));
        assert_eq!(body, "[token] [token] secret-1-x");
    }

    proptest! {
        #[test]
        fn no_credential_that_was_sent_comes_back(
            secret in "[A-Za-z0-9_.-]{12,60}",
            before in "\\PC{0,20}",
            after in "\\PC{0,20}",
            escaped in proptest::collection::vec(any::<bool>(), 60),
            percent in any::<bool>(),
        ) {
            let secrets = secrets(&[&secret]);
            let echoed: String = secret.chars().zip(&escaped).map(|(c, escaped)| {
                if *escaped { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
            }).collect();
            let text = serde_json::to_string(&format!("{before}|{after}")).unwrap();
            let body = text.replacen('|', &echoed, 1);
            let hidden = secrets.hide_in_body(Bytes::from(body));
            let read: String = serde_json::from_slice(&hidden).unwrap();
            prop_assert!(!read.contains(&secret), "{read}");

            let encode = |c: char| if percent && !c.is_ascii_alphanumeric() {
                format!("%{:02X}", u32::from(c))
            } else {
                c.to_string()
            };
            let place: String = secret.chars().map(encode).collect();
            let mut headers = HeaderMap::new();
            headers.insert("location", HeaderValue::from_str(&format!("https://x/?t={place}")).unwrap());
            headers.insert("x-oauth-scopes", HeaderValue::from_str(&format!("repo, {secret}")).unwrap());
            secrets.hide_in_headers(&mut headers);
            for value in headers.values() {
                let text = value.to_str().unwrap();
                let decoded = percent_decode_str(text).decode_utf8_lossy();
                prop_assert!(!text.contains(&secret) && !decoded.contains(&secret), "{text}");
            }
        }
    }
}
