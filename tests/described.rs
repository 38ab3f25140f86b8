//! Validates answers against the API's own description, `src/http/openapi.json`. This is
//! stricter than the description is for clients: an undescribed key is an error here.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test binary uses its own part, and fails by panicking"
)]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

pub const DESCRIPTION: &str = include_str!("../src/http/openapi.json");

static DESCRIBED: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(DESCRIPTION).expect("the description is no JSON"));
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

pub fn description() -> &'static Value {
    &DESCRIBED
}

/// Validates `value` against the schema of this name. The error describes the mismatch.
pub fn judge(schema: &str, value: &Value) -> Result<(), String> {
    judge_by(schema, &json!({ "$ref": format!("#/components/schemas/{schema}") }), value)
}

fn judge_by(key: &str, schema: &Value, value: &Value) -> Result<(), String> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let make = || Arc::new(compiled(schema));
    let validator = Arc::clone(validators.entry(key.to_owned()).or_insert_with(make));
    drop(validators);
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .take(5)
        .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
        .map(|error| error.chars().take(600).collect())
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n    ")) }
}

/// Validates an answer against the description of its path. `headers` are in lower case.
pub fn check(
    path: &str,
    code: u16,
    headers: &HashMap<String, String>,
    body: &str,
) -> Result<(), String> {
    let media = headers.get("content-type").map_or("", String::as_str);
    let template = path_of(path);
    if template.is_none() || code == 405 {
        let answer = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let known = media == "application/problem+json" && [404, 405].contains(&code);
        return if known { judge("Problem", &answer) } else { Err(format!("{code} {media}")) };
    }
    let operation = &description()["paths"][template.unwrap_or_default()]["get"];
    let response = followed(&operation["responses"][code.to_string()]);
    if response.is_null() {
        return Err(format!("no answer {code} is described"));
    }
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let required = followed(header)["required"] == true;
        if required && !headers.contains_key(&name.to_lowercase()) {
            return Err(format!("no header {name}"));
        }
    }
    let Some(content) = response["content"].as_object() else {
        return if body.is_empty() { Ok(()) } else { Err("a body where none is".to_owned()) };
    };
    let schema = content.get(media).map(|content| &content["schema"]);
    let schema = schema.ok_or_else(|| format!("no answer of type {media:?} is described"))?;
    let answer = serde_json::from_str(body).map_err(|error| error.to_string())?;
    judge_by(&schema.to_string(), schema, &answer)
}

/// The described path that matches an address.
pub fn path_of(address: &str) -> Option<&'static str> {
    let path = address.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &&str| {
        let names: Vec<&str> = template.split('/').collect();
        let same = |(name, part): (&&str, &&str)| name == part || name.starts_with('{');
        names.len() == parts.len() && names.iter().zip(&parts).all(same)
    };
    let paths = description()["paths"].as_object().expect("no paths");
    paths.keys().map(String::as_str).find(fits)
}

fn followed(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(to) => description().pointer(to.trim_start_matches('#')).expect("a dangling $ref"),
        None => value,
    }
}

/// Compiles an OpenAPI 3.1 schema, which is a JSON Schema, with everything that it refers to.
fn compiled(schema: &Value) -> Validator {
    let mut root = closed(schema);
    root["components"] = json!({ "schemas": closed(&description()["components"]["schemas"]) });
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&root)
        .expect("a schema does not compile")
}

/// The same schema, with undescribed keys forbidden in every object.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let inner = fields.iter().map(|(key, value)| (key.clone(), closed(value)));
            let mut made: Map<String, Value> = inner.collect();
            let is_object = fields.get("type").is_some_and(|kind| {
                kind == "object"
                    || kind.as_array().is_some_and(|all| all.contains(&json!("object")))
            });
            if is_object && fields.contains_key("properties") {
                made.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            made.into()
        }
        Value::Array(all) => all.iter().map(closed).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}
