//! The parts of a workflow file that the governor needs.

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::MessageFormatter as _;

/// Longest parser message that is reported, in characters.
const LONGEST_COMPLAINT: usize = 200;

/// The declarations of a workflow file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowFile {
    triggers: Vec<WorkflowTrigger>,
    run_name: Option<String>,
    /// The values of `uses` in its jobs and steps.
    uses: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct WorkflowTrigger {
    event: String,
    /// The event's filters, inputs and other settings.
    details: Value,
}

/// The keys that matter. YAML 1.1 reads the unquoted key `on` as `true`.
#[derive(Deserialize)]
struct WrittenWorkflow {
    #[serde(default, alias = "true")]
    on: Value,
    #[serde(default, rename = "run-name")]
    run_name: Value,
    #[serde(default)]
    jobs: Value,
}

impl WorkflowFile {
    /// Parses a file within limits that no reasonable workflow reaches.
    ///
    /// # Errors
    ///
    /// A message saying why the text is not YAML or not a workflow.
    pub fn parse(text: &str) -> Result<Self, String> {
        let options = serde_saphyr::options! {
            with_snippet: false,
            budget: serde_saphyr::budget! {
                max_depth: 64,
                max_documents: 1,
                max_nodes: 200_000,
                max_events: 400_000,
            },
            alias_limits: serde_saphyr::alias_limits! {
                max_total_replayed_events: 100_000,
                max_replay_stack_depth: 8,
            },
        };
        let file: Option<WrittenWorkflow> = serde_saphyr::from_str_with_options(text, options)
            .map_err(|error| {
                let message = serde_saphyr::UserMessageFormatter.format_message(&error);
                message.chars().take(LONGEST_COMPLAINT).collect::<String>()
            })?;
        let Some(WrittenWorkflow { on, run_name, jobs }) = file else {
            return Err("it is empty".into());
        };
        let run_name = run_name.as_str().map(str::to_owned);
        Ok(Self { triggers: triggers(on), run_name, uses: uses(&jobs) })
    }

    /// Whether an event of this name can start it at all.
    #[must_use]
    pub fn has(&self, event: &str) -> bool {
        self.triggers.iter().any(|trigger| trigger.event == event)
    }

    /// The events that start it.
    #[must_use]
    pub fn events(&self) -> Vec<&str> {
        self.triggers.iter().map(|trigger| trigger.event.as_str()).collect()
    }

    /// Whether events of this name clearly never start it for `branch`.
    #[must_use]
    pub fn never_runs(&self, event: &str, branch: &str) -> bool {
        let Some(trigger) = self.triggers.iter().find(|trigger| trigger.event == event) else {
            return true;
        };
        let list = |key: &str| trigger.details.get(key).map(texts);
        if let Some(branches) = list("branches") {
            return !branches.iter().any(|pattern| may_match(pattern, branch));
        }
        if let Some(ignored) = list("branches-ignore") {
            return ignored.iter().any(|pattern| pattern == branch || pattern == "**");
        }
        // A push trigger that filters only tags does not run for branches.
        event == "push" && (list("tags").is_some() || list("tags-ignore").is_some())
    }

    /// Whether a dispatch can pass this input.
    #[must_use]
    pub fn has_input(&self, name: &str) -> bool {
        self.inputs().is_some_and(|inputs| inputs.contains_key(name))
    }

    /// The inputs other than `given` that a dispatch must pass: required and without a default.
    #[must_use]
    pub fn required_besides(&self, given: &str) -> Vec<&str> {
        let is_required = |input: &Value| {
            let word = input.get("required");
            let required = word.is_some_and(|word| {
                word.as_bool() == Some(true) || word.as_str().is_some_and(|word| word == "true")
            });
            required && input.get("default").is_none_or(Value::is_null)
        };
        let inputs = self.inputs().into_iter().flatten();
        inputs
            .filter(|(name, input)| name.as_str() != given && is_required(input))
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// The inputs other than `given` that a dispatch can pass.
    #[must_use]
    pub fn inputs_besides(&self, given: &str) -> Vec<&str> {
        let inputs = self.inputs().into_iter().flatten();
        inputs.map(|(name, _)| name.as_str()).filter(|name| *name != given).collect()
    }

    /// The title of its runs, as written, expressions included.
    #[must_use]
    pub fn run_name(&self) -> Option<&str> {
        self.run_name.as_deref()
    }

    /// Actions and reusable workflows of other repositories that are not pinned to a full
    /// commit id, and images that are not pinned to a digest, without duplicates. What they do
    /// can change without a commit in this repository.
    #[must_use]
    pub fn unpinned(&self) -> Vec<&str> {
        let mut unpinned: Vec<&str> = Vec::new();
        for used in &self.uses {
            let is_elsewhere = !used.starts_with("./") && !used.starts_with("docker://");
            let reference = used.rsplit_once('@').map_or("", |(_, reference)| reference);
            let is_pinned = reference.parse::<super::Sha>().is_ok();
            let image = used.strip_prefix("docker://");
            let floats = image.is_some_and(|image| !image.contains("@sha256:"));
            if ((is_elsewhere && !is_pinned) || floats) && !unpinned.contains(&used.as_str()) {
                unpinned.push(used);
            }
        }
        unpinned
    }

    fn inputs(&self) -> Option<&Map<String, Value>> {
        let dispatch = self.triggers.iter().find(|one| one.event == "workflow_dispatch")?;
        dispatch.details.get("inputs")?.as_object()
    }

    /// Whether the titles of its runs contain this input.
    #[must_use]
    pub fn title_carries(&self, input: &str) -> bool {
        let title = self.run_name.as_deref().unwrap_or_default();
        expressions(title).any(|expression| names_input(expression, input))
    }
}

/// The reusable workflows that jobs call and the actions that their steps use.
fn uses(jobs: &Value) -> Vec<String> {
    let jobs = jobs.as_object().into_iter().flat_map(|jobs| jobs.values());
    let used = |place: &Value| place.get("uses")?.as_str().map(str::to_owned);
    let mut all = Vec::new();
    for job in jobs {
        all.extend(used(job));
        let steps = job.get("steps").and_then(Value::as_array);
        all.extend(steps.into_iter().flatten().filter_map(used));
    }
    all
}

/// Reads the events of `on: push`, `on: [push]` and `on: {push: …}`.
fn triggers(on: Value) -> Vec<WorkflowTrigger> {
    let bare = |event: String| WorkflowTrigger { event, details: Value::Null };
    match on {
        Value::String(event) => vec![bare(event)],
        Value::Array(events) => {
            events.iter().filter_map(|event| event.as_str().map(|e| bare(e.to_owned()))).collect()
        }
        Value::Object(events) => {
            events.into_iter().map(|(event, details)| WorkflowTrigger { event, details }).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// A single text or a list of texts, as a list.
fn texts(value: &Value) -> Vec<String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match value.as_array() {
        Some(list) => list.iter().filter_map(one).collect(),
        None => one(value).into_iter().collect(),
    }
}

/// Whether a filter pattern may match this branch. Patterns with wildcards are assumed to
/// match.
fn may_match(pattern: &str, branch: &str) -> bool {
    pattern == branch || pattern.contains(['*', '?', '+', '[', '!'])
}

/// The expressions between `${{` and `}}`.
fn expressions(text: &str) -> impl Iterator<Item = &str> {
    text.split("${{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(inside, _)| inside)
}

/// Whether an expression uses `inputs.sha` or `github.event.inputs.sha`, or either written as
/// `['sha']`.
fn names_input(expression: &str, input: &str) -> bool {
    let bare: String = expression.chars().filter(|c| !c.is_whitespace()).collect();
    let bare = bare.to_lowercase().replace(['[', ']', '\''], ".").replace("..", ".");
    let wanted = format!("inputs.{}", input.to_lowercase());
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    bare.match_indices(&wanted).any(|(at, found)| {
        let (before, after) = (bare.get(..at), bare.get(at + found.len()..));
        !before.is_some_and(|text| text.ends_with(part))
            && !after.is_some_and(|text| text.starts_with(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> WorkflowFile {
        WorkflowFile::parse(text).unwrap_or_else(|why| panic!("{why}: {text}"))
    }

    #[test]
    fn triggers_are_a_word_a_list_or_a_mapping_under_on_or_under_true() {
        for text in [
            "on: push",
            "on: [push]",
            "on:\n  push:\n",
            "on:\n  push:\n    branches: [main]\n",
            "'on': push",
            "\"on\": [push]",
            "true: push",
            "name: x\non:\n- push\njobs: {a: {steps: [{run: make}]}}",
        ] {
            assert_eq!(parsed(text).events(), ["push"], "{text}");
        }
        for text in ["name: x", "on:", "on: 5", "on: []", "{}"] {
            assert!(parsed(text).events().is_empty(), "{text}");
        }
    }

    #[test]
    fn a_branch_filter_is_told_where_it_is_plain() {
        let never = |text: &str| parsed(text).never_runs("push", "main");
        for text in [
            "on: pull_request",
            "on: {push: {branches: [develop, release]}}",
            "on: {push: {branches: develop}}",
            "on: {push: {tags: ['v*']}}",
            "on: {push: {branches-ignore: [main]}}",
        ] {
            assert!(never(text), "{text}");
        }
        for text in [
            "on: push",
            "on: {push: }",
            "on: {push: {branches: [develop, main]}}",
            "on: {push: {branches: ['rel*', 'm?in']}}",
            "on: {push: {branches: ['**', '!main']}}",
            "on: {push: {paths: [src]}}",
            "on: {push: {branches-ignore: [develop]}}",
            "on: {push: {branches: [main], tags: [v1]}}",
        ] {
            assert!(!never(text), "{text}");
        }
    }

    #[test]
    fn inputs_are_required_where_nothing_else_gives_them() {
        let file = parsed(
            "on:\n  workflow_dispatch:\n    inputs:\n      sha: {required: true}\n      \
             region: {required: true}\n      tier: {required: true, default: small}\n      \
             note: {type: string}\n      quoted: {required: 'true'}\n      empty:\n",
        );
        assert!(file.has("workflow_dispatch") && file.has_input("sha"));
        assert!(!file.has_input("SHA"));
        assert_eq!(file.required_besides("sha"), ["quoted", "region"]);
        assert!(parsed("on: workflow_dispatch").required_besides("sha").is_empty());
        assert!(!parsed("on: {workflow_dispatch: {inputs: [sha]}}").has_input("sha"));
    }

    #[test]
    fn a_title_carries_an_input_in_any_way_to_write_it() {
        let carries = |title: &str| {
            let text = format!("on: push\nrun-name: {}", Value::from(title));
            parsed(&text).title_carries("sha")
        };
        for title in [
            "Deploy ${{ inputs.sha }}",
            "${{inputs.sha}}",
            "${{ github.event.inputs.sha }} by ${{ github.actor }}",
            "${{ inputs['sha'] }}",
            "${{ format('Deploy {0}', inputs.sha) }}",
            "${{ inputs.sha || github.sha }}",
            "${{ Inputs.SHA }}",
        ] {
            assert!(carries(title), "{title}");
        }
        for title in [
            "",
            "Deploy",
            "inputs.sha",
            "${{ inputs.sha_of_it }}",
            "${{ github.sha }}",
            "${{ myinputs.sha }}",
            "${{ inputs.sha",
        ] {
            assert!(!carries(title), "{title}");
        }
        // The usual form, without quotes.
        assert!(parsed("on: push\nrun-name: Deploy ${{ inputs.sha }}\n").title_carries("sha"));
    }

    #[test]
    fn what_other_repositories_can_change_is_not_pinned() {
        let pinned = "a".repeat(40);
        let file = parsed(&format!(
            "on: push\njobs:\n  a:\n    steps:\n    - uses: actions/checkout@v4\n    - uses: \
             acme/x@{pinned}\n    - uses: ./.github/actions/y\n    - run: make\n    - uses: \
             docker://alpine:3\n  b:\n    uses: acme/w/.github/workflows/d.yml@main\n  c:\n    \
             steps:\n    - uses: actions/checkout@v4\n"
        ));
        assert_eq!(
            file.unpinned(),
            ["actions/checkout@v4", "docker://alpine:3", "acme/w/.github/workflows/d.yml@main"]
        );
        assert!(parsed("on: push\njobs: [x]").unpinned().is_empty());
    }

    #[test]
    fn what_is_hostile_or_broken_is_an_error_and_not_a_crash() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..20 {
            let below = format!("*a{}, ", level - 1).repeat(9);
            bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
        }
        for text in [
            "".to_owned(),
            "\0".to_owned(),
            "on: [push".to_owned(),
            "- a\n- b\n".to_owned(),
            "just words".to_owned(),
            format!("on: {}", "[".repeat(100_000)),
            "on: push\non: pull_request\n".to_owned(),
            "on: push\n---\non: push\n".to_owned(),
            bomb + "on: *a19\n",
        ] {
            let why = WorkflowFile::parse(&text).expect_err("no workflow");
            assert!(!why.is_empty() && why.chars().count() <= LONGEST_COMPLAINT, "{why}");
        }
    }
}
