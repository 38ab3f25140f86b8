//! The events that runs start by.

use super::mistake::Mistakes;
use super::values::{Setting, items, texts};

/// What the `event` of a workflow run can be: the events of `on:` in GitHub's "Events that trigger
/// workflows" without `workflow_call`, whose runs bear their caller's event, and `dynamic`, by which
/// GitHub starts workflows of its own.
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

/// Events that runs are counted by; none of `what` happens without one.
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
