//! Which local workflows a workflow calls.

use serde::Deserialize;
use serde_json::Value;

/// As much as this needs; all else is passed over.
#[derive(Deserialize)]
struct Written {
    jobs: Value,
}

/// The local workflows that the jobs of a workflow call (`uses: ./.github/workflows/x.yml`), by
/// their paths; none where the file cannot be parsed, within limits that no honest one meets.
pub(super) fn local_calls(text: &str) -> Option<Vec<String>> {
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
    let file: Written = serde_saphyr::from_str_with_options(text, options).ok()?;
    let jobs = file.jobs.as_object()?.values();
    let called = jobs.filter_map(|job| job.get("uses")?.as_str()?.strip_prefix("./"));
    Some(called.map(str::to_owned).collect())
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
        let found = local_calls(text).unwrap();
        assert_eq!(found, [".github/workflows/build.yml", ".github/workflows/ship.yml"]);
    }

    #[test]
    fn what_is_no_workflow_cannot_be_followed() {
        for text in ["", "jobs", "on: push", "jobs: [a]", "jobs: {a: {uses: ./x}", "a: b: c"] {
            assert_eq!(local_calls(text), None, "{text}");
        }
    }
}
