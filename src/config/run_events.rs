//! The events that can trigger a workflow run.

use super::mistake::Mistakes;
use super::values::{Setting, items, texts};

/// The possible values of a workflow run's `event`: the events of `on:` in GitHub's "Events
/// that trigger workflows", without `workflow_call`, whose runs have their caller's event, and
/// with `dynamic`, which GitHub uses for workflows it starts itself.
pub(super) const RUN_EVENTS: [&str; 33] = [
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "dynamic",
    "fork",
    "gollum",
    "image_version",
    "issue_comment",
    "issues",
    "label",
    "merge_group",
    "milestone",
    "page_build",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_target",
    "push",
    "registry_package",
    "release",
    "repository_dispatch",
    "schedule",
    "status",
    "watch",
    "workflow_dispatch",
    "workflow_run",
];

/// A list of at least one event. `what` describes, for the message, what never happens if the
/// list is empty.
pub(super) fn events(entry: &Setting<'_>, m: &mut Mistakes, what: &str) -> Option<Vec<String>> {
    let expected = "events, as in push";
    let mut complete = true;
    let events = texts(entry, m, expected)?;
    for (item, event) in items(entry, m, expected)?.iter().zip(&events) {
        if !RUN_EVENTS.contains(&event.as_str()) {
            let known = RUN_EVENTS.join(", ");
            item.wrong(m, format_args!("an event that GitHub starts runs by: one of {known}"));
            complete = false;
        }
    }
    if events.is_empty() {
        entry.wrong(m, format_args!("at least one event: without one, nothing is ever {what}"));
        return None;
    }
    complete.then_some(events)
}
