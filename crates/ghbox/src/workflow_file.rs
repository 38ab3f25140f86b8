//! Workflow files: written by stories, parsed by the box as GitHub does.

use std::fmt::Write as _;

use serde_json::Value;

/// Builds the text of a workflow file: `WorkflowFile::new("Deploy").on_dispatch(&["sha"])`.
#[derive(Clone, Debug)]
pub struct WorkflowFile {
    name: String,
    run_name: Option<String>,
    push_branches: Option<Vec<String>>,
    inputs: Option<Vec<(String, bool)>>,
    other_triggers: Vec<String>,
    concurrency: Option<String>,
}

impl WorkflowFile {
    /// A workflow with this name and no triggers.
    #[must_use]
    pub fn new(name: &str) -> Self {
        WorkflowFile {
            name: name.to_owned(),
            run_name: None,
            push_branches: None,
            inputs: None,
            other_triggers: Vec::new(),
            concurrency: None,
        }
    }

    /// Sets the title of its runs, for example `Deploy ${{ inputs.sha }}`.
    #[must_use]
    pub fn run_name(mut self, template: &str) -> Self {
        self.run_name = Some(template.to_owned());
        self
    }

    /// Adds a `push` trigger for these branches. An empty list means all branches.
    #[must_use]
    pub fn on_push(mut self, branches: &[&str]) -> Self {
        self.push_branches = Some(branches.iter().map(|&name| name.to_owned()).collect());
        self
    }

    /// Adds a `workflow_dispatch` trigger with these required inputs.
    #[must_use]
    pub fn on_dispatch(mut self, required_inputs: &[&str]) -> Self {
        let inputs = self.inputs.get_or_insert_default();
        inputs.extend(required_inputs.iter().map(|&name| (name.to_owned(), true)));
        self
    }

    /// Adds a `workflow_dispatch` trigger with this optional input.
    #[must_use]
    pub fn optional_input(mut self, name: &str) -> Self {
        self.inputs.get_or_insert_default().push((name.to_owned(), false));
        self
    }

    /// Adds another trigger: `merge_group`, `schedule`, `repository_dispatch` and so on.
    #[must_use]
    pub fn on(mut self, event: &str) -> Self {
        self.other_triggers.push(event.to_owned());
        self
    }

    /// Sets the concurrency group. Its runs wait for each other, and a newer pending run
    /// cancels an older pending one.
    #[must_use]
    pub fn concurrency(mut self, group: &str) -> Self {
        self.concurrency = Some(group.to_owned());
        self
    }

    /// The text of the file.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut text = format!("name: {}\n", quoted(&self.name));
        // Writing to a `String` cannot fail.
        if let Some(template) = &self.run_name {
            let _ = writeln!(text, "run-name: {}", quoted(template));
        }
        text.push_str("on:\n");
        if let Some(branches) = &self.push_branches {
            text.push_str("  push:\n");
            if !branches.is_empty() {
                let names: Vec<String> = branches.iter().map(|name| quoted(name)).collect();
                let _ = writeln!(text, "    branches: [{}]", names.join(", "));
            }
        }
        if let Some(inputs) = &self.inputs {
            text.push_str("  workflow_dispatch:\n");
            for (index, (name, required)) in inputs.iter().enumerate() {
                text.push_str(if index == 0 { "    inputs:\n" } else { "" });
                let _ = writeln!(
                    text,
                    "      {name}:\n        type: string\n        required: {required}"
                );
            }
        }
        for event in &self.other_triggers {
            let _ = writeln!(text, "  {event}:");
        }
        if let Some(group) = &self.concurrency {
            let _ = writeln!(text, "concurrency: {}", quoted(group));
        }
        text.push_str(
            "jobs:\n  work:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n",
        );
        text
    }
}

/// Quotes a text as a YAML string. JSON strings are valid YAML.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A parsed workflow file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) name: Option<String>,
    pub(super) run_name: Option<String>,
    pub(super) triggers: Vec<String>,
    /// Branch patterns of `on: push`. Empty means all branches.
    pub(super) push_branches: Vec<String>,
    pub(super) inputs: Vec<Input>,
    pub(super) concurrency: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) default: Option<String>,
}

/// Parses a workflow file. Invalid YAML counts as an empty workflow.
pub(super) fn parse(text: &str) -> Parsed {
    let file: Value = serde_saphyr::from_str(text).unwrap_or(Value::Null);
    let on = file.get("on").or_else(|| file.get("true"));
    let concurrency = file.get("concurrency");
    Parsed {
        name: word(file.get("name")),
        run_name: word(file.get("run-name")),
        triggers: triggers(on),
        push_branches: on
            .and_then(|on| on.get("push")?.get("branches")?.as_array())
            .map(|names| names.iter().filter_map(|name| word(Some(name))).collect())
            .unwrap_or_default(),
        inputs: on
            .and_then(|on| on.get("workflow_dispatch")?.get("inputs")?.as_object())
            .map(|inputs| inputs.iter().map(|(name, input)| declared(name, input)).collect())
            .unwrap_or_default(),
        concurrency: word(concurrency).or_else(|| word(concurrency?.get("group"))),
    }
}

/// The events in `on: push`, `on: [push]` or `on: {push: …}`.
fn triggers(on: Option<&Value>) -> Vec<String> {
    match on {
        Some(Value::String(event)) => vec![event.clone()],
        Some(Value::Array(events)) => events.iter().filter_map(|event| word(Some(event))).collect(),
        Some(Value::Object(events)) => events.keys().cloned().collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_)) | None => Vec::new(),
    }
}

fn declared(name: &str, input: &Value) -> Input {
    Input {
        name: name.to_owned(),
        required: input.get("required").and_then(Value::as_bool).unwrap_or(false),
        default: word(input.get("default")),
    }
}

fn word(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a branch matches a pattern of `branches:`. Only `*` and `**` are supported.
pub(super) fn branch_matches(pattern: &str, branch: &str) -> bool {
    match pattern.split_once("**").or_else(|| pattern.split_once('*')) {
        None => pattern == branch,
        Some((before, after)) => {
            let middle = branch.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            middle.is_some_and(|middle| pattern.contains("**") || !middle.contains('/'))
        }
    }
}
