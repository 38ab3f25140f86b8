//! Validates recorded exchanges against GitHub's official OpenAPI description.
//!
//! [`check`] accepts any exchange that the fake GitHub recorded, so the traffic of the program
//! under test can be validated, too: an unknown path, query parameter or body key is an error.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ghbox::{Exchange, Fate};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// Pinned, because another version may describe a different API.
const PACKAGE: &str = "@octokit/openapi@23.0.2";
const FOLDER: &str = "node_modules/@octokit/openapi/generated";

/// Status codes that any operation may return, described or not.
const ANYWHERE: [u16; 13] = [301, 304, 307, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503];

static GITHUB: LazyLock<Description> = LazyLock::new(|| Description::load("api.github.com.json"));
/// The newest description available. It is older than the 3.20 of the fake server, which
/// includes everything in it.
static ENTERPRISE: LazyLock<Description> = LazyLock::new(|| Description::load("ghes-3.19.json"));

struct Description {
    root: Value,
    /// By operation: method, path template, and the operation itself.
    operations: HashMap<String, (String, String, Value)>,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// Validates an exchange against GitHub's description.
pub(crate) fn check(exchange: &Exchange) -> Result<(), String> {
    let enterprise = exchange.response_headers.contains_key("x-github-enterprise-version");
    let description = if enterprise { &ENTERPRISE } else { &GITHUB };
    if matches!(exchange.fate, Fate::Spoiled | Fate::RequestLost) {
        return Ok(());
    }
    let described = description.check(exchange);
    described.map_err(|wrong| {
        let answer = String::from_utf8_lossy(&exchange.response_body);
        let answer: String = answer.chars().take(2_000).collect();
        format!(
            "{} {} ({}): {wrong}\n  answer {}: {answer}",
            exchange.method,
            exchange.path,
            exchange.operation.unwrap_or("no operation"),
            exchange.response_status
        )
    })
}

/// Validates all exchanges, and fails with all errors.
#[track_caller]
pub(crate) fn check_all(exchanges: &[Exchange]) {
    let wrong: Vec<String> = exchanges.iter().filter_map(|one| check(one).err()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} wrong:\n{}",
        wrong.len(),
        exchanges.len(),
        wrong.join("\n")
    );
}

/// The folder of the descriptions, installed if it does not exist.
fn install() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/openapi");
    std::fs::create_dir_all(&folder).expect("cannot make target/openapi");
    // Two test binaries may run this at the same time.
    let lock = std::fs::File::create(folder.join(".lock")).expect("cannot make a lock file");
    lock.lock().expect("cannot lock target/openapi");
    let descriptions = folder.join(FOLDER);
    let pinned = folder.join(".version");
    if descriptions.exists() && std::fs::read_to_string(&pinned).is_ok_and(|text| text == PACKAGE) {
        return descriptions;
    }
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .arg(PACKAGE)
        .output();
    let output = installed.unwrap_or_else(|error| {
        panic!(
            "cannot run npm ({error}), which installs GitHub's OpenAPI description {PACKAGE}. \
             Install Node.js with npm, as `apt-get install npm` or from https://nodejs.org, and \
             run the test again"
        )
    });
    assert!(
        output.status.success(),
        "npm could not install {PACKAGE} into {}. Is the registry reachable?\n{}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::write(pinned, PACKAGE).expect("cannot note the version");
    descriptions
}

impl Description {
    fn load(file: &str) -> Self {
        let text = std::fs::read(install().join(file)).expect("cannot read the description");
        let mut root: Value = serde_json::from_slice(&text).expect("the description is no JSON");
        allow_ghosts(&mut root);
        let mut operations = HashMap::new();
        for (path, methods) in root["paths"].as_object().expect("no paths") {
            for (method, operation) in methods.as_object().expect("no methods") {
                let Some(id) = operation["operationId"].as_str() else { continue };
                let described = (method.to_uppercase(), path.clone(), operation.clone());
                operations.insert(id.to_owned(), described);
            }
        }
        Description { root, operations, validators: Mutex::default() }
    }

    fn check(&self, exchange: &Exchange) -> Result<(), String> {
        let Some(name) = exchange.operation else {
            return if exchange.response_status == 404 {
                Ok(())
            } else {
                Err("GitHub knows no such operation".to_owned())
            };
        };
        let (method, template, operation) =
            self.operations.get(name).ok_or("not in GitHub's description")?;
        if exchange.method.as_str() != method {
            return Err(format!("the method is {method}"));
        }
        let (path, query) = exchange.path.split_once('?').unwrap_or((&exchange.path, ""));
        fits(template, &described(method, path))?;
        self.check_query(operation, query)?;
        if exchange.response_status < 300 {
            self.check_request_body(name, operation, exchange)?;
        }
        self.check_answer(name, operation, exchange)
    }

    fn check_query(&self, operation: &Value, query: &str) -> Result<(), String> {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let parameters: Vec<&Value> = parameters.iter().map(|one| self.followed(one)).collect();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let found = parameters.iter().find(|one| one["in"] == "query" && one["name"] == key);
            let Some(parameter) = found else {
                return Err(format!("no query parameter {key:?}"));
            };
            let schema = self.followed(&parameter["schema"]);
            let fine = match schema["type"].as_str() {
                Some("integer") => value.parse::<i64>().is_ok(),
                Some("boolean") => matches!(value, "true" | "false"),
                _ => schema["enum"].as_array().is_none_or(|all| all.iter().any(|one| one == value)),
            };
            if !fine {
                return Err(format!("query parameter {key} cannot be {value:?}"));
            }
        }
        Ok(())
    }

    fn check_request_body(
        &self,
        name: &str,
        operation: &Value,
        exchange: &Exchange,
    ) -> Result<(), String> {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if exchange.request_body.is_empty() {
            return if operation["requestBody"]["required"] == true {
                Err("the request has no body".to_owned())
            } else {
                Ok(())
            };
        }
        if schema.is_null() {
            return Err("the request has a body and may not".to_owned());
        }
        let body: Value = serde_json::from_slice(&exchange.request_body)
            .map_err(|error| format!("the request is no JSON: {error}"))?;
        if let (Some(known), Some(sent)) = (schema["properties"].as_object(), body.as_object())
            && let Some(unknown) = sent.keys().find(|key| !known.contains_key(*key))
        {
            return Err(format!("the request has an unknown key {unknown:?}"));
        }
        self.judge(&format!("{name} request"), schema, &body)
    }

    fn check_answer(
        &self,
        name: &str,
        operation: &Value,
        exchange: &Exchange,
    ) -> Result<(), String> {
        let status = exchange.response_status;
        let body = &exchange.response_body;
        let described = &operation["responses"][status.to_string()];
        let content = self.followed(described)["content"].clone();
        if described.is_null() && !ANYWHERE.contains(&status) {
            return Err(format!("GitHub's description has no answer {status}"));
        }
        let media = exchange.response_headers.get("content-type");
        let media = media.and_then(|media| media.to_str().ok()).unwrap_or_default();
        // An error has a body, even where the description shows none.
        if status == 304 || (status < 300 && !described.is_null() && content.is_null()) {
            let empty = body.is_empty();
            return if empty { Ok(()) } else { Err("the answer must be empty".to_owned()) };
        }
        if !media.starts_with("application/json") {
            let known = media.split(';').next().is_some_and(|media| !content[media].is_null());
            return if known { Ok(()) } else { Err(format!("no answer of type {media:?}")) };
        }
        let answer: Value =
            serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
        let schema = &mended(name, &content["application/json"]["schema"]);
        let usual = if status == 422 { "validation-error" } else { "basic-error" };
        let refusal = json!({ "$ref": format!("#/components/schemas/{usual}") });
        let (key, schema) = if schema.is_null() {
            (usual.to_owned(), &refusal)
        } else {
            (format!("{name} {status}"), schema)
        };
        self.judge(&key, schema, &answer)?;
        self.check_keys(schema, &answer)
    }

    /// Rejects keys that the description does not have, which are probably misspelled.
    fn check_keys(&self, schema: &Value, answer: &Value) -> Result<(), String> {
        let schema = self.followed(schema);
        if let (Some(items), Some(answers)) = (schema.get("items"), answer.as_array()) {
            return answers.iter().try_for_each(|answer| self.check_keys(items, answer));
        }
        let (Some(known), Some(sent)) = (schema["properties"].as_object(), answer.as_object())
        else {
            return Ok(());
        };
        for (key, value) in sent {
            match known.get(key) {
                Some(schema) => self.check_keys(schema, value)?,
                None if schema["additionalProperties"].is_object() => {}
                // Every error body has its status, described or not.
                None if key == "status" => {}
                None => return Err(format!("the answer has an unknown key {key:?}")),
            }
        }
        Ok(())
    }

    fn judge(&self, key: &str, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = self.validator(key, schema);
        let wrong: Vec<String> = validator
            .iter_errors(value)
            .filter(|wrong| !is_known_flaw(wrong.instance_path().as_str(), wrong.instance()))
            .take(5)
            .map(|error| format!("at {:?}: {error}", error.instance_path().to_string()))
            .map(|error| error.chars().take(600).collect())
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n    ")) }
    }

    fn validator(&self, key: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(self.compile(schema));
        Arc::clone(validators.entry(key.to_owned()).or_insert_with(make))
    }

    /// Compiles an OpenAPI schema, with everything it refers to, into a JSON Schema.
    fn compile(&self, schema: &Value) -> Validator {
        let mut definitions = BTreeMap::new();
        let mut open: BTreeSet<String> = BTreeSet::new();
        let mut top = plain(schema, &mut open);
        while let Some(name) = open.pop_first() {
            if let Entry::Vacant(place) = definitions.entry(name) {
                let described = &self.root["components"]["schemas"][place.key()];
                place.insert(plain(described, &mut open));
            }
        }
        let fields = top.as_object_mut().expect("a schema is an object");
        fields.insert("$defs".to_owned(), definitions.into_iter().collect::<Map<_, _>>().into());
        jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            .build(&top)
            .expect("GitHub's schema does not compile")
    }

    fn followed<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(to) => self.root.pointer(to.trim_start_matches('#')).expect("a dangling $ref"),
            None => value,
        }
    }
}

/// For a deleted account, `null` replaces the user, actor or fork. The schemas of lists allow
/// this; those of events and of whole pull requests do not (databricks/spark-pr-dashboard#68,
/// reviewninja/review.ninja#813, SpinlockLabs/github.dart#383).
fn allow_ghosts(root: &mut Value) {
    let schemas = root["components"]["schemas"].as_object_mut().expect("no schemas");
    for (name, schema) in schemas {
        let event = name.ends_with("-issue-event") || name.starts_with("timeline-");
        if event || name.starts_with("pull-request") {
            let properties = schema["properties"].as_object_mut();
            properties.into_iter().flatten().for_each(|(key, schema)| match key.as_str() {
                "actor" | "user" => allow_null(schema),
                "head" => {
                    schema.pointer_mut("/properties/user").map(allow_null);
                    schema.pointer_mut("/properties/repo").map(allow_null);
                }
                _ => {}
            });
        }
    }
}

fn allow_null(schema: &mut Value) {
    *schema = json!({ "anyOf": [{ "enum": [null] }, schema] });
}

/// The list of installations requires every account to be a user and an enterprise at once; the
/// schema of a single installation requires either.
fn mended(name: &str, schema: &Value) -> Value {
    if name == "apps/list-installations" && !schema.is_null() {
        let one = json!({ "$ref": "#/components/schemas/installation" });
        return json!({ "type": "array", "items": one });
    }
    schema.clone()
}

/// A label without a description has null there, which one of GitHub's schemas of labels does
/// not allow.
fn is_known_flaw(path: &str, value: &Value) -> bool {
    value.is_null() && path.contains("/labels/") && path.ends_with("/description")
}

/// Converts OpenAPI 3.0 to JSON Schema: `nullable` becomes a type, references point to `$defs`.
fn plain(schema: &Value, references: &mut BTreeSet<String>) -> Value {
    let Some(fields) = schema.as_object() else { return schema.clone() };
    if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
        let name = name.trim_start_matches("#/components/schemas/").to_owned();
        let to = format!("#/$defs/{name}");
        references.insert(name);
        return json!({ "$ref": to });
    }
    let mut made = Map::new();
    for (key, value) in fields {
        match key.as_str() {
            "nullable" | "example" | "examples" | "discriminator" | "description" | "title"
            | "deprecated" | "externalDocs" | "readOnly" | "xml" | "default" => {}
            "properties" => {
                let inner = value.as_object().into_iter().flatten();
                let inner = inner.map(|(name, schema)| (name.clone(), plain(schema, references)));
                made.insert(key.clone(), inner.collect::<Map<_, _>>().into());
            }
            "allOf" | "anyOf" | "oneOf" => {
                let inner = value.as_array().into_iter().flatten();
                made.insert(key.clone(), inner.map(|one| plain(one, references)).collect());
            }
            "items" | "additionalProperties" | "not" => {
                made.insert(key.clone(), plain(value, references));
            }
            _ => {
                made.insert(key.clone(), value.clone());
            }
        }
    }
    if fields.get("nullable") == Some(&Value::Bool(true)) {
        return json!({ "anyOf": [{ "type": "null" }, made] });
    }
    Value::Object(made)
}

/// `statuses_url` contains a legacy path, which GitHub still serves but does not describe.
fn described(method: &str, path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["", "repos", owner, name, "statuses", sha] if method == "GET" => {
            format!("/repos/{owner}/{name}/commits/{sha}/statuses")
        }
        _ => path.to_owned(),
    }
}

/// Whether a path matches a template. A branch, a path or a ref may contain slashes.
fn fits(template: &str, path: &str) -> Result<(), String> {
    let path = match path.strip_prefix("/repositories/") {
        // The targets of redirects: the same routes by id.
        Some(rest) => match rest.split_once('/') {
            Some((_, rest)) => format!("/repos/by/id/{rest}"),
            None => "/repos/by/id".to_owned(),
        },
        None => path.trim_end_matches('/').to_owned(),
    };
    let mut rest = path.as_str();
    let mut parts = template.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let Some(after) = rest.strip_prefix('/') else {
            // The root of a tree has no path.
            return if part == "{path}" {
                Ok(())
            } else {
                Err(format!("not a path of {template}"))
            };
        };
        let tail: Vec<&str> = parts.clone().collect();
        let wide = matches!(part, "{branch}" | "{ref}" | "{path}" | "{basehead}" | "{tree_sha}");
        let segments = after.split('/').count();
        let taken = if wide { segments.saturating_sub(tail.len()).max(1) } else { 1 };
        let end = after.match_indices('/').nth(taken - 1).map_or(after.len(), |(at, _)| at);
        let segment = &after[..end];
        if !part.starts_with('{') && part != segment || segment.is_empty() {
            return Err(format!("not a path of {template}"));
        }
        rest = &after[end..];
    }
    if rest.is_empty() { Ok(()) } else { Err(format!("not a path of {template}")) }
}
