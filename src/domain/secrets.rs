//! Secrets in text that others wrote: GitHub's tokens and JWTs, by their form.

use std::borrow::Cow;

/// What stands in place of a secret.
pub const HIDDEN: &str = "[token]";
/// How GitHub's tokens begin. Source: its documentation, "GitHub's token formats".
const PREFIXES: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];
/// How a JWT begins: `{"` in base64.
const JWT: &str = "eyJ";
/// Characters after the prefix. Tokens have 36 and more; what is shorter opens nothing.
const SHORTEST: usize = 16;

/// `text` without what has the form of a secret.
#[must_use]
pub fn hide(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((start, end)) = first(rest) {
        shown.push_str(rest.get(..start).unwrap_or_default());
        shown.push_str(HIDDEN);
        rest = rest.get(end..).unwrap_or_default();
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Where the first secret is.
fn first(text: &str) -> Option<(usize, usize)> {
    let tokens = PREFIXES.iter().filter_map(|prefix| {
        let starts = text.match_indices(prefix).map(|(start, _)| start);
        starts.filter_map(|start| secret(text, start, prefix)).next()
    });
    let starts = text.match_indices(JWT).map(|(start, _)| start);
    let jwt = starts.filter_map(|start| jwt(text, start)).next();
    tokens.chain(jwt).min()
}

fn secret(text: &str, start: usize, prefix: &str) -> Option<(usize, usize)> {
    let length = run(text.get(start..)?);
    (length >= prefix.len() + SHORTEST).then_some((start, start + length))
}

fn jwt(text: &str, start: usize) -> Option<(usize, usize)> {
    let from = text.get(start..)?;
    let length = run(from);
    let mut parts = from.get(..length)?.split('.');
    let is_jwt = parts.by_ref().take(3).filter(|part| part.len() >= 8).count() == 3;
    is_jwt.then_some((start, start + length))
}

/// Bytes of what a secret may consist of; a full stop after it belongs to the sentence.
fn run(text: &str) -> usize {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
    let run = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
    run.trim_end_matches(['.', '-']).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_the_form_of_a_secret_is_hidden_and_nothing_else() {
        let letters = "a1".repeat(18);
        for prefix in PREFIXES {
            let text = format!("é \"{prefix}{letters}\", x{prefix}{letters}. End");
            assert_eq!(hide(&text), "é \"[token]\", x[token]. End");
        }
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjMifQ.c2lnbmF0dXJl";
        assert_eq!(hide(&format!("Bearer {jwt} eyJx")), "Bearer [token] eyJx");
        for plain in ["", "ghp_short", "gh", "eyJhbGciOiJSUzI1NiJ9", "src/ghs_lib.rs", "a.b.c"] {
            assert_eq!(hide(plain), plain);
        }
    }
}
