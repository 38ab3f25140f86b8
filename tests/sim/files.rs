//! The files that commits write.

use ghbox::{NewCommit, WorkflowFile, story as stage};

use crate::script::Touch;

pub(crate) const CALLED: &str = ".github/workflows/lib.yml";

pub(crate) fn path(touch: Touch) -> &'static str {
    match touch {
        Touch::Low => "src/cart.rs",
        Touch::Medium => "Cargo.toml",
        Touch::High => "db/migrations/0001.sql",
        Touch::Link => "infra",
        Touch::DeployFile => ".github/workflows/deploy.yml",
        Touch::CalledFile => CALLED,
        Touch::OtherWorkflow => ".github/workflows/lint.yml",
        Touch::VerifyFiles => ".github/workflows/verify.yml",
    }
}

/// The content of a path at a version; `None` if the path does not exist.
fn content(touch: Touch, version: u64, calls_lib: bool) -> Option<String> {
    let text = match touch {
        Touch::DeployFile => deploys("Deploy", calls_lib),
        Touch::CalledFile => WorkflowFile::new("Library").on("workflow_call").yaml(),
        Touch::VerifyFiles => stage::verify_file().yaml(),
        Touch::Low | Touch::Medium | Touch::High | Touch::Link | Touch::OtherWorkflow => {
            return (version > 0).then(|| format!("name: change {version}\n"));
        }
    };
    Some(if version > 0 { format!("{text}\n# {version}\n") } else { text })
}

fn deploys(name: &str, calls_lib: bool) -> String {
    runs_as(name, "Deploy ${{ inputs.sha }}", calls_lib)
}

fn runs_as(name: &str, run_name: &str, calls_lib: bool) -> String {
    let file = WorkflowFile::new(name).run_name(run_name).on_dispatch(&["sha"]);
    let calls = if calls_lib { format!("  call:\n    uses: ./{CALLED}\n") } else { String::new() };
    format!("{}{calls}", file.yaml())
}

/// The root commit.
pub(crate) fn first(calls_lib: bool) -> NewCommit {
    let other = WorkflowFile::new("Other checks").on_push(&["main"]).on_dispatch(&[]);
    NewCommit::on("main")
        .message("Add workflows")
        .file(path(Touch::DeployFile), &deploys("Deploy", calls_lib))
        .file(CALLED, &content(Touch::CalledFile, 0, calls_lib).unwrap())
        .file(".github/workflows/other.yml", &other.yaml())
        .file(".github/workflows/ship.yml", &deploys("Ship", calls_lib))
        .file(
            ".github/workflows/rollback.yml",
            &runs_as("Roll back", "Roll back to ${{ inputs.sha }}", calls_lib),
        )
}

/// A commit on a branch that sets a path to a version.
pub(crate) fn write(branch: &str, touch: Touch, version: u64, calls_lib: bool) -> NewCommit {
    let message = format!("Change {} to {version}", path(touch));
    put(NewCommit::on(branch).message(&message), touch, version, calls_lib)
}

/// Adds the same change to an existing commit.
pub(crate) fn put(commit: NewCommit, touch: Touch, version: u64, calls_lib: bool) -> NewCommit {
    match content(touch, version, calls_lib) {
        Some(text) => commit.file(path(touch), &text),
        None => commit.delete(path(touch)),
    }
}

/// A commit in which another file takes the name of the verification workflow, or returns it.
pub(crate) fn take_name(taken: bool) -> NewCommit {
    let named =
        |name| WorkflowFile::new(name).on_push(&["main"]).on("merge_group").on_dispatch(&[]);
    let (verify, other) =
        if taken { ("Verify of old", "Verify main") } else { ("Verify main", "Other checks") };
    NewCommit::on("main")
        .message("Rename workflows")
        .file(path(Touch::VerifyFiles), &named(verify).yaml())
        .file(".github/workflows/other.yml", &named(other).yaml())
}
