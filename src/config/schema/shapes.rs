//! Translates each value shape into JSON Schema.

use serde_json::{Map, Value, json};

use crate::config::keys::{ConfigKey, names};
use crate::config::policy::LONGEST_LINE;
use crate::config::shape::{TextRule, ValueShape};
use crate::config::signals::{MOST_HEADERS, MOST_SIGNALS, OUR_HEADERS};
use crate::config::values::{MOST_ITEMS, Unit};

/// A number greater than zero that begins with a digit, and its unit.
const INTERVAL: &str = r"^(0*[1-9][0-9]*(\.[0-9]*)?|0+\.[0-9]*[1-9][0-9]*)\s*(ms|s|m|h)$";

/// Names of headers. Source: RFC 9110, section 5.6.2.
const TOKEN: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

pub(super) fn of(shape: &ValueShape) -> Value {
    match shape {
        ValueShape::Truth => json!({ "type": "boolean" }),
        ValueShape::Whole(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        ValueShape::Positive => json!({ "type": "integer", "minimum": 1 }),
        ValueShape::Count(unit, least) => count(*unit, *least),
        ValueShape::Interval => {
            json!({ "type": "string", "pattern": INTERVAL, "examples": ["30s"] })
        }
        ValueShape::Text(rule) => text(rule),
        ValueShape::Texts(rule, least) => list(text(rule), *least),
        ValueShape::Word(words) => json!({ "enum": words() }),
        ValueShape::Words(words) => list(json!({ "enum": words() }), 1),
        ValueShape::OneOrMore(one) => one_or_more(&of(one)),
        ValueShape::OrNull(value) => {
            let mut made = of(value);
            or_null(&mut made);
            made
        }
        ValueShape::Mapping(keys, required) => mapping(keys, required),
        ValueShape::Mappings(keys) => {
            json!({ "type": "array", "items": mapping(keys, &names(keys)) })
        }
        ValueShape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        ValueShape::Reason => reason(),
        ValueShape::AppId => {
            let pattern = "^[A-Za-z0-9.]{1,100}$";
            json!({ "type": ["integer", "string"], "minimum": 0, "pattern": pattern })
        }
        ValueShape::Headers => headers(),
        ValueShape::Signals => json!({
            "type": ["object", "array", "null"],
            "if": { "type": "array" },
            "then": { "items": { "$ref": "#/definitions/signal" }, "maxItems": MOST_SIGNALS },
            "else": {
                "if": { "type": "object" },
                "then": { "$ref": "#/definitions/signal" },
            },
        }),
        ValueShape::HealthCheck => health_check(),
    }
}

/// Sets the keyword `word` of a schema.
pub(super) fn set(schema: &mut Value, word: &str, value: impl Into<Value>) {
    if let Some(words) = schema.as_object_mut() {
        words.insert(word.to_owned(), value.into());
    }
}

pub(super) fn text(rule: &TextRule) -> Value {
    let kinds: &[&str] = if rule.is_bare { &["string", "number", "boolean"] } else { &["string"] };
    let mut made = json!({ "type": kinds, "maxLength": rule.longest });
    if !rule.example.is_empty() {
        set(&mut made, "examples", json!([rule.example]));
    }
    if rule.refused.is_empty() {
        set(&mut made, "pattern", rule.fits);
    } else {
        set(&mut made, "if", json!({ "type": "string", "pattern": rule.refused }));
        set(&mut made, "then", false);
        set(&mut made, "else", json!({ "pattern": rule.fits }));
    }
    made
}

/// Also accepts null.
pub(super) fn or_null(made: &mut Value) {
    if let Some(kinds) = made.get_mut("type") {
        let mut all = kinds.as_array().cloned().unwrap_or_else(|| vec![kinds.clone()]);
        if !all.contains(&json!("null")) {
            all.push(json!("null"));
        }
        *kinds = all.into();
    }
    if let Some(Value::Array(words)) = made.get_mut("enum") {
        words.push(Value::Null);
    }
}

/// A pattern for every header name except `name`, case-insensitively.
pub(super) fn other_than(name: &str) -> Value {
    let letters = name.chars().map(|c| match c {
        'a'..='z' => format!("[{}{c}]", c.to_ascii_uppercase()),
        _ => c.to_string(),
    });
    json!({ "not": { "pattern": format!("^{}$", letters.collect::<String>()) } })
}

fn list(item: Value, least: usize) -> Value {
    let mut made = json!({ "type": "array", "items": item, "maxItems": MOST_ITEMS });
    if least > 0 {
        set(&mut made, "minItems", least);
    }
    made
}

/// Selects by type, so that a validator reports the invalid item and not the whole value.
fn one_or_more(one: &Value) -> Value {
    let kind = one.get("type").cloned().unwrap_or_else(|| json!("string"));
    json!({
        "type": [kind, "array"],
        "if": { "type": "array" },
        "then": { "items": one, "minItems": 1 },
        "else": { "if": { "type": kind }, "then": one },
    })
}

fn mapping(keys: &[ConfigKey], required: &[&str]) -> Value {
    let properties: Map<String, Value> = keys
        .iter()
        .map(|key| {
            let mut made = of(&key.shape);
            set(&mut made, "description", key.about);
            (key.name.to_owned(), made)
        })
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "properties": properties,
    })
}

fn count(unit: Unit, least: u32) -> Value {
    json!({ "type": "number", "minimum": least, "maximum": unit.most() })
}

/// A reason must not look like a boolean.
fn reason() -> Value {
    let switch = concat!(
        "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff]",
        "|[01])$",
    );
    let line = TextRule::of(LONGEST_LINE).refusing(switch).like("incident 42");
    let mut made = text(&line);
    set(&mut made, "type", json!(["string", "number", "null"]));
    set(&mut made, "not", json!({ "enum": [0, 1] }));
    made
}

/// Header values may be secrets, so no rule may make a validator print a rejected value.
fn headers() -> Value {
    let ours: Vec<Value> = OUR_HEADERS.iter().map(|name| other_than(name.as_str())).collect();
    json!({
        "type": "object",
        "maxProperties": MOST_HEADERS,
        "propertyNames": { "pattern": TOKEN, "allOf": ours },
        "additionalProperties": { "type": ["string", "number", "boolean"] },
    })
}

/// Either the URL itself or a mapping with `url`.
fn health_check() -> Value {
    json!({
        "type": ["string", "object", "null"],
        "if": { "type": "string" },
        "then": { "$ref": "#/definitions/health_check/properties/url" },
        "else": {
            "if": { "type": "object" },
            "then": { "$ref": "#/definitions/health_check" },
        },
    })
}
