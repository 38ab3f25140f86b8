//! What an error's body says. It may be anything, of any size, and cut.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Bytes of the words that are joined: more than anybody is shown.
const LONGEST: usize = 4 * 1024;

/// What GitHub says of an error.
#[derive(Debug, Default)]
pub(in crate::github) struct Problem {
    /// The message, then what each error adds to it; cut where that is long.
    pub(in crate::github) words: String,
    /// Where GitHub's documentation speaks of it.
    pub(in crate::github) documentation_url: Option<String>,
    /// Whether the body is JSON of that shape from its beginning to its end.
    pub(in crate::github) is_whole: bool,
}

/// Reads an error's body, as far as it can be read.
pub(in crate::github) fn problem(body: &[u8]) -> Problem {
    let mut problem = Problem::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = json.deserialize_map(Fields(&mut problem));
    problem.is_whole = read.is_ok() && json.end().is_ok();
    problem
}

impl Problem {
    fn add(&mut self, text: &str) {
        if !self.words.is_empty() {
            self.words.push_str("; ");
        }
        let room = LONGEST.saturating_sub(self.words.len());
        self.words.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
    }

    fn add_errors(&mut self, errors: &Value) {
        let one = std::slice::from_ref(errors);
        for error in errors.as_array().map_or(one, Vec::as_slice) {
            if self.words.len() >= LONGEST {
                return;
            }
            match error.get("message").unwrap_or(error) {
                Value::Null => {}
                Value::String(text) => self.add(text),
                other => self.add(&other.to_string()),
            }
        }
    }
}

struct Fields<'p>(&'p mut Problem);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut errors = Value::Null;
        while let Some(key) = fields.next_key::<String>()? {
            match key.as_str() {
                "message" => {
                    if let Some(message) = fields.next_value::<Option<String>>()? {
                        self.0.add(&message);
                    }
                }
                "errors" => errors = fields.next_value()?,
                "documentation_url" => self.0.documentation_url = fields.next_value()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        self.0.add_errors(&errors);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_comes_first_and_each_error_adds_to_it() {
        let words = |body: &str| problem(body.as_bytes()).words;
        assert_eq!(words(r#"{"errors":[{"message":"a"},"b"],"message":"m"}"#), "m; a; b");
        assert_eq!(words(r#"{"message":"m","errors":"a"}"#), "m; a");
        assert_eq!(words(r#"{"message":"m","errors":{"message":"a"}}"#), "m; a");
        assert_eq!(words(r#"{"message":"m","errors":[{"code":"missing"}]}"#), r#"m; {"code":"missing"}"#);
        assert_eq!(words(r#"{"message":null,"errors":null}"#), "");
        let cut = problem(br#"{"message":"m","documentation_url":"u","errors":["a","#);
        assert_eq!((cut.words.as_str(), cut.documentation_url.as_deref()), ("m", Some("u")));
        assert!(!cut.is_whole);
    }

    #[test]
    fn words_without_end_are_cut_while_they_are_joined() {
        let errors = vec!["é".repeat(9); 5_000];
        let body = serde_json::json!({ "message": "m", "errors": errors }).to_string();
        let words = problem(body.as_bytes()).words;
        assert!(words.starts_with("m; ééééééééé; é"), "{words}");
        assert!((LONGEST - 2..=LONGEST + 2).contains(&words.len()), "{}", words.len());
    }
}
