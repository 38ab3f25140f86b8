//! Error bodies. They can be anything, of any size, and truncated.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

/// The maximum length of the joined message in bytes: more than is ever shown.
const LONGEST: usize = 4 * 1024;

/// GitHub's description of an error.
#[derive(Debug, Default)]
pub(in crate::github) struct GithubProblem {
    /// The message, followed by the messages of the individual errors. Long texts are cut.
    pub(in crate::github) words: String,
    pub(in crate::github) documentation_url: Option<String>,
    /// Whether the whole body is JSON of this shape.
    pub(in crate::github) is_whole: bool,
}

/// Parses an error body as far as possible.
pub(in crate::github) fn problem(body: &[u8]) -> GithubProblem {
    let mut read = Read::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    let is_whole = json.deserialize_map(ProblemFields(&mut read)).is_ok() && json.end().is_ok();
    let mut words = read.message;
    if !read.errors.0.is_empty() {
        words.add(&read.errors.0);
    }
    GithubProblem { words: words.0, documentation_url: read.documentation_url, is_whole }
}

/// What was parsed so far.
#[derive(Default)]
struct Read {
    message: CutWords,
    errors: CutWords,
    documentation_url: Option<String>,
}

/// A text that is cut while messages are appended.
#[derive(Default)]
struct CutWords(String);

impl CutWords {
    fn add(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push_str("; ");
        }
        let room = LONGEST.saturating_sub(self.0.len());
        self.0.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
    }

    fn is_full(&self) -> bool {
        self.0.len() >= LONGEST
    }

    fn add_error(&mut self, error: &Value) {
        match error.get("message").unwrap_or(error) {
            Value::Null => {}
            Value::String(text) => self.add(text),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                self.add(&other.to_string());
            }
        }
    }
}

struct ProblemFields<'r>(&'r mut Read);

impl<'de> Visitor<'de> for ProblemFields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(key) = fields.next_key::<String>()? {
            match key.as_str() {
                "message" => {
                    if let Some(message) = fields.next_value::<Option<String>>()? {
                        self.0.message.add(&message);
                    }
                }
                "errors" => fields.next_value_seed(Errors(&mut self.0.errors))?,
                "documentation_url" => self.0.documentation_url = fields.next_value()?,
                _ => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The value of `errors`: a list of errors or a single one.
struct Errors<'w>(&'w mut CutWords);

impl<'de> DeserializeSeed<'de> for Errors<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Errors<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("errors")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut errors: A) -> Result<(), A::Error> {
        while !self.0.is_full()
            && let Some(error) = errors.next_element::<Value>()?
        {
            self.0.add_error(&error);
        }
        while errors.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<(), A::Error> {
        let error = Value::deserialize(MapAccessDeserializer::new(fields))?;
        self.0.add_error(&error);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.add(text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
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
        assert_eq!(
            words(r#"{"message":"m","errors":[{"code":"missing"}]}"#),
            r#"m; {"code":"missing"}"#
        );
        assert_eq!(words(r#"{"message":null,"errors":null}"#), "");
        let cut = problem(br#"{"message":"m","documentation_url":"u","errors":["a","#);
        assert_eq!((cut.words.as_str(), cut.documentation_url.as_deref()), ("m; a", Some("u")));
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
