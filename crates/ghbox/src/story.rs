//! Common setups, so that a story can start with what is special about it.

mod people;
mod pull;

use super::{GhBox, NewCommit, Repo, Role, StartRun, UserKind, WorkflowFile};

pub use people::Person;
pub use pull::Pull;

/// The file name of the verification workflow.
pub const VERIFY: &str = "verify.yml";
/// The file name of the deploy workflow.
pub const DEPLOY: &str = "deploy.yml";
/// The governor's account.
pub const GOVERNOR: &str = "release-governor[bot]";

/// Creates a repository on `main` with the two workflows that the governor needs, an owner, a
/// developer `dev` with push access, and the governor's account.
///
/// `Verify main` has triggers for pushes, merge queues and dispatches. `Deploy` takes a `sha`
/// and includes it in its run titles. Nothing runs automatically: see [`Repo::runs_on_push`]
/// and [`Repo::auto_progress`].
pub fn repository(github: &GhBox, full_name: &str) -> Repo {
    let repo = github.create_repository(full_name);
    github.add_user(GOVERNOR, UserKind::Bot);
    repo.add_collaborator("dev", Role::Write);
    repo.push(
        NewCommit::on("main")
            .message("Begin")
            .file("README.md", "# Shop\n")
            .file(".github/workflows/verify.yml", &verify_file().yaml())
            .file(".github/workflows/deploy.yml", &deploy_file().yaml()),
    );
    repo
}

/// The `Verify main` workflow.
#[must_use]
pub fn verify_file() -> WorkflowFile {
    WorkflowFile::new("Verify main").on_push(&["main"]).on("merge_group").on_dispatch(&[])
}

/// The `Deploy` workflow, with the input `sha`, which its run titles include.
#[must_use]
pub fn deploy_file() -> WorkflowFile {
    WorkflowFile::new("Deploy").run_name("Deploy ${{ inputs.sha }}").on_dispatch(&["sha"])
}

impl Repo {
    /// Pushes a commit to `main` that changes these paths, and returns its sha.
    pub fn push_paths(&self, paths: &[&str]) -> String {
        self.push(self.changing("main", paths))
    }

    /// A commit that gives these paths content they never had before.
    fn changing(&self, branch: &str, paths: &[&str]) -> NewCommit {
        let title = format!("Change {}", paths.join(", "));
        let mark = self.github().now_in_nanoseconds();
        let commit = NewCommit::on(branch).message(&title);
        paths.iter().fold(commit, |commit, path| {
            commit.file(path, &format!("{path} as of {mark} after {}\n", self.count_commits()))
        })
    }

    /// Adds a finished verification run of a commit on `main`, and returns its id.
    pub fn verify(&self, sha: &str, conclusion: &str) -> u64 {
        let run = self.start_run(VERIFY, StartRun::push("main", sha));
        self.finish_run(run, conclusion);
        run
    }

    /// Pushes a verified commit to `main` that changes these paths, and returns its sha.
    pub fn verified(&self, paths: &[&str]) -> String {
        let sha = self.push_paths(paths);
        self.verify(&sha, "success");
        sha
    }

    /// Adds a finished deploy of a commit, dispatched by the given user, and returns the run's
    /// id.
    pub fn deploy(&self, sha: &str, by: &str, conclusion: &str) -> u64 {
        let run = self.dispatch_by_hand(DEPLOY, "main", sha, by);
        self.finish_run(run, conclusion);
        run
    }

    /// Creates a verified commit, deploys it by hand, and returns its sha.
    pub fn in_production(&self) -> String {
        let sha = self.verified(&["src/lib.rs"]);
        self.deploy(&sha, "dev", "success");
        sha
    }

    fn count_commits(&self) -> usize {
        self.here(|repository| repository.git.commits.len())
    }
}

impl GhBox {
    fn now_in_nanoseconds(&self) -> i128 {
        self.clock().now().as_nanosecond()
    }
}
