//! Parses the file into one tree of values, with the location of each.

use std::io::Read;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::MessageFormatter;

use super::mistake::Mistakes;
use super::spots;
use super::values::ValueOrigin;

/// Twice the size of a configuration of 10,000 repositories with ten keys each.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// The values of a file and their locations.
pub(super) struct FileTree {
    pub(super) origin: ValueOrigin,
    pub(super) values: Dict,
}

/// Parses `bytes`, the content of the file at `path`, in the format that the file extension
/// names. A read error becomes a mistake. `expected` says what an empty file should contain.
pub(super) fn file(
    path: &Path,
    bytes: Result<&[u8], String>,
    expected: &str,
    mistakes: &mut Mistakes,
) -> Option<FileTree> {
    let name = path.display().to_string();
    let text = match bytes.and_then(text) {
        Ok(text) => text,
        Err(why) => {
            mistakes.file(&name, None, why);
            return None;
        }
    };
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let parsed = match extension.to_ascii_lowercase().as_str() {
        "yaml" | "yml" => yaml(&text),
        "json" => json(&text),
        "toml" => toml(&text),
        _ => Err((None, "the name must end in .yaml, .yml, .toml or .json".to_owned())),
    };
    let spots = match extension {
        "toml" => spots::of_toml(&text),
        _ if parsed.is_ok() => spots::of_yaml(&text),
        _ => Default::default(),
    };
    match parsed {
        Ok(Value::Dict(_, values)) => Some(FileTree {
            origin: ValueOrigin { file: name, is_environment: false, spots },
            values,
        }),
        Ok(Value::Empty(..)) => {
            mistakes.file(&name, None, format!("the file is empty: expected at least {expected}"));
            None
        }
        Ok(_) => {
            let what = "expected keys with values, as in `repositories: [{name: acme/shop}]`";
            mistakes.file(&name, None, what);
            None
        }
        Err((line, what)) => {
            mistakes.file(&name, line, what);
            None
        }
    }
}

/// Reads the file. The error appends `advice` to the reason.
pub(super) fn bytes(path: &Path, advice: &str) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}{advice}");
    // Opening a pipe could block, and reading a device may never end.
    let is_special = |found: &std::fs::Metadata| !found.is_file() && !found.is_dir();
    if std::fs::metadata(path).as_ref().is_ok_and(is_special) {
        return Err("is not a regular file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(format!(
            "is larger than {} MiB, the limit for a configuration file",
            LARGEST_FILE >> 20
        ));
    }
    Ok(bytes)
}

pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    let text = str::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

/// The line, if known, and the problem.
type SyntaxTrouble = (Option<usize>, String);

/// Parses YAML, with limits that no legitimate file reaches.
pub(super) fn yaml(text: &str) -> Result<Value, SyntaxTrouble> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        leading_zero_numbers_as_strings: true,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_documents: 1,
            max_aliases: 20_000,
            max_nodes: 500_000,
            max_events: 1_000_000,
            // Thousands of repositories may share one anchor; the replay limits below bound the
            // work.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 200_000,
            max_replay_stack_depth: 8,
        },
    };
    match serde_saphyr::from_str_with_options::<Option<Strict>>(text, options) {
        Ok(Some(Strict(value))) => Ok(value),
        Ok(None) => Ok(Value::Empty(Default::default(), figment::value::Empty::Unit)),
        Err(error) => {
            let line = error.location().and_then(|place| usize::try_from(place.line()).ok());
            Err((line, format!("is not valid YAML: {}", yaml_trouble(&error))))
        }
    }
}

fn yaml_trouble(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    use serde_saphyr::budget::BudgetBreach;

    if let Error::Budget { breach: BudgetBreach::Documents { .. }, .. } = error {
        return "more than one document".to_owned();
    }
    let message = serde_saphyr::UserMessageFormatter.format_message(error);
    // A limit exceeded through an alias is wrapped, and its message names the library's
    // internal counters.
    if matches!(error, Error::Budget { .. }) || message.contains("too large or too complex") {
        return "too large or too deep for a configuration".to_owned();
    }
    one_line(&message)
}

pub(super) fn json(text: &str) -> Result<Value, SyntaxTrouble> {
    if text.trim().is_empty() {
        return Ok(Value::Empty(Default::default(), figment::value::Empty::Unit));
    }
    match serde_json::from_str::<Strict>(text) {
        Ok(Strict(value)) => Ok(value),
        Err(error) => Err((Some(error.line()), format!("is not valid JSON: {error}"))),
    }
}

pub(super) fn toml(text: &str) -> Result<Value, SyntaxTrouble> {
    match <Toml as Format>::from_str::<Strict>(text) {
        Ok(Strict(Value::Dict(_, values))) if values.is_empty() => {
            Ok(Value::Empty(Default::default(), figment::value::Empty::Unit))
        }
        Ok(Strict(value)) => Ok(value),
        Err(error) => {
            // The full message quotes the line, which may contain a secret.
            let start = error.span().and_then(|span| text.get(..span.start));
            let line = start.map(|before| before.matches('\n').count() + 1);
            Err((line, format!("is not valid TOML: {}", one_line(error.message()))))
        }
    }
}

fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}

/// A value whose mappings have no duplicate keys.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Empty(Default::default(), figment::value::Empty::Unit))
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::from(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::from(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = pairs.next_key::<String>()? {
            let Strict(value) = pairs.next_value()?;
            if values.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` appears twice here")));
            }
            values.insert(key, value);
        }
        Ok(Value::from(values))
    }
}
