//! Recognizes secrets in untrusted text by their format: GitHub tokens and JWTs.

use std::borrow::Cow;

/// The text that replaces a secret.
pub const HIDDEN: &str = "[token]";
/// Prefixes of GitHub's tokens. Source: GitHub's documentation, "GitHub's token formats".
const PREFIXES: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];
/// The start of every JWT: `{"` in base64.
const JWT: &str = "eyJ";
/// Minimum number of letters and digits, both present, that follow the prefix without
/// interruption in a secret. Tokens have at least 22. Names have fewer or no digits, and must
/// not be mistaken for secrets: a rewritten repository, branch or marker would no longer be
/// valid.
const IN_A_ROW: usize = 16;
/// So many letters or digits are a secret even if only one of the two kinds is present.
const MANY_IN_A_ROW: usize = 36;
/// Minimum length of each part of a JWT, in characters.
const SHORTEST_PART: usize = 8;

/// The first three parts of a JWT must start within this many bytes.
const LONGEST: usize = 2_048;

/// Replaces everything in `text` that has the format of a secret. Takes linear time.
#[must_use]
pub fn hide(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let (mut rest, mut at) = (text, 0);
    while let Some(next) = rest.get(at..).and_then(|ahead| ahead.find(['g', 'e'])) {
        let start = at + next;
        let here = rest.get(start..).unwrap_or_default();
        if begins_a_secret(here) {
            shown.push_str(rest.get(..start).unwrap_or_default());
            shown.push_str(HIDDEN);
            rest = here.get(run(here)..).unwrap_or_default();
            at = 0;
        } else {
            at = start + 1;
        }
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

fn begins_a_secret(text: &str) -> bool {
    let beginning = || {
        let beginning = text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default();
        beginning.get(..run(beginning)).unwrap_or_default()
    };
    if text.starts_with(JWT) {
        let beginning = beginning();
        return beginning.split('.').take(3).filter(|part| part.len() >= SHORTEST_PART).count()
            == 3;
    }
    PREFIXES.iter().any(|prefix| {
        let Some(after) = text.strip_prefix(prefix) else { return false };
        let row = after.bytes().take_while(u8::is_ascii_alphanumeric).take(MANY_IN_A_ROW);
        let (count, digits, letters) = row.fold((0, 0, 0), |(count, digits, letters), byte| {
            let digit = usize::from(byte.is_ascii_digit());
            (count + 1, digits + digit, letters + 1 - digit)
        });
        count == MANY_IN_A_ROW || count >= IN_A_ROW && digits > 0 && letters > 0
    })
}

/// The number of leading bytes that a secret may consist of, without trailing periods and
/// hyphens, which belong to the sentence.
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
        let names = [
            "acme/highs_and_lows_dashboard",
            "release/highs_2026-11-30-hotfix-of-the-year",
            "acme/laughs_internationalization",
            "highs_202611301234567890",
        ];
        for plain in names.into_iter().chain([
            "",
            "ghp_short",
            "gh",
            "eyJhbGciOiJSUzI1NiJ9",
            "src/ghs_lib.rs",
            "a.b.c",
        ]) {
            assert_eq!(hide(plain), plain);
        }
    }
}
