//! Finds which local workflows a workflow calls.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Branch, RepoName, Sha};

/// The parts of a workflow file that are needed. Everything else is ignored.
#[derive(Deserialize)]
struct WrittenCalls {
    jobs: Value,
}

/// The paths of the workflows of this repository that a workflow's jobs call: by `uses:
/// ./.github/workflows/x.yml`, or by the repository's own name at the ref that the caller runs
/// on. `None` if unknown: the file cannot be parsed within the limits below, which no
/// legitimate file reaches, or it calls a workflow of its own repository at another ref that
/// may move.
pub(super) fn local_calls(text: &str, repository: &RepoName, on: &Branch) -> Option<Vec<String>> {
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
    let file: WrittenCalls = serde_saphyr::from_str_with_options(text, options).ok()?;
    let jobs = file.jobs.as_object()?.values();
    let mut called = Vec::new();
    for uses in jobs.filter_map(|job| job.get("uses")?.as_str()) {
        match called_by(uses, repository, on) {
            CalledWorkflow::Local(path) => called.push(path),
            CalledWorkflow::Fixed | CalledWorkflow::Elsewhere => {}
            CalledWorkflow::AtAnotherRef => return None,
        }
    }
    Some(called)
}

/// Where a called workflow is.
enum CalledWorkflow {
    /// In this repository, at the caller's ref.
    Local(String),
    /// In this repository, at a fixed commit. It changes only when the caller changes.
    Fixed,
    /// In this repository, at a ref that may move.
    AtAnotherRef,
    /// In another repository.
    Elsewhere,
}

fn called_by(uses: &str, repository: &RepoName, on: &Branch) -> CalledWorkflow {
    if let Some(path) = uses.strip_prefix("./") {
        return CalledWorkflow::Local(path.to_owned());
    }
    let Some((place, at)) = uses.rsplit_once('@') else { return CalledWorkflow::Elsewhere };
    let name = repository.to_string();
    let is_ours = place.get(..name.len()).is_some_and(|owner| owner.eq_ignore_ascii_case(&name));
    let path = place.get(name.len()..).and_then(|rest| rest.strip_prefix('/'));
    let Some(path) = path.filter(|_| is_ours) else { return CalledWorkflow::Elsewhere };
    let branch = at.strip_prefix("refs/heads/").unwrap_or(at);
    if branch == on.as_str() {
        CalledWorkflow::Local(path.to_owned())
    } else if at.parse::<Sha>().is_ok() {
        CalledWorkflow::Fixed
    } else {
        CalledWorkflow::AtAnotherRef
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_workflows_of_all_jobs_are_found() {
        let text = "on: push\njobs:\n  build: {uses: ./.github/workflows/build.yml}\n  \
                    ship:\n    uses: \"./.github/workflows/ship.yml\"\n    with: {uses: ./x}\n  \
                    other: {uses: acme/tools/.github/workflows/x.yml@v1}\n  \
                    plain: {runs-on: x, steps: [{uses: ./.github/actions/y}]}\n";
        let found = calls(text).unwrap();
        assert_eq!(found, [".github/workflows/build.yml", ".github/workflows/ship.yml"]);
    }

    fn calls(text: &str) -> Option<Vec<String>> {
        local_calls(text, &"acme/shop".parse().unwrap(), &"main".into())
    }

    #[test]
    fn a_workflow_of_the_repository_by_its_own_name_is_as_local_as_another() {
        let of = |uses: &str| calls(&format!("jobs: {{a: {{uses: {uses}}}}}"));
        let ship = Some(vec![".github/workflows/ship.yml".to_owned()]);
        assert_eq!(of("Acme/Shop/.github/workflows/ship.yml@main"), ship);
        assert_eq!(of("acme/shop/.github/workflows/ship.yml@refs/heads/main"), ship);
        let fixed = format!("acme/shop/.github/workflows/ship.yml@{}", "a".repeat(40));
        assert_eq!(of(&fixed), Some(Vec::new()), "it changes with its caller");
        assert_eq!(of("acme/shop/.github/workflows/ship.yml@v1"), None, "a tag may move");
        assert_eq!(of("acme/shops/.github/workflows/ship.yml@main"), Some(Vec::new()));
    }

    #[test]
    fn what_is_no_workflow_cannot_be_followed() {
        for text in ["", "jobs", "on: push", "jobs: [a]", "jobs: {a: {uses: ./x}", "a: b: c"] {
            assert_eq!(calls(text), None, "{text}");
        }
    }
}
