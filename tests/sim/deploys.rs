//! Executes events about deploy runs that the program did not start.

use std::time::Duration;

use ghbox::{Fault, FaultOn, JobSpec, NewCommit, StartRun, story as stage};
use jiff::SignedDuration;

use crate::model::{OTHER_DEPLOY, ROLLBACK};
use crate::script::{On, Title, What};
use crate::world::{Ground, World};

const DEPLOYS: [&str; 3] = [stage::DEPLOY, OTHER_DEPLOY, ROLLBACK];

impl World {
    pub(crate) fn deploys(&mut self, at: usize, what: &What) {
        match what {
            What::ForeignDeploy { nth, title, on, ends } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                let run = self.foreign(at, &sha, *title, *on);
                if let Some(conclusion) = ends {
                    self.grounds[at].repo.finish_run(run, conclusion);
                }
            }
            What::EndDeploy { nth, conclusion } => {
                let Some(run) = self.run(at, &DEPLOYS, *nth, Some(false)) else { return };
                self.grounds[at].repo.finish_run(run, conclusion);
            }
            What::Supersede { nth } => {
                let Some(run) = self.run(at, &DEPLOYS, *nth, Some(false)) else { return };
                let none: [JobSpec; 0] = [];
                self.grounds[at].repo.set_jobs(run, &none);
                self.grounds[at].repo.finish_run(run, "cancelled");
                let (title, on) = (Title::Full, On::Branch);
                self.deploys(at, &What::ForeignDeploy { nth: 0, title, on, ends: None });
            }
            What::AwaitReviewers { nth } => {
                let Some(run) = self.run(at, &DEPLOYS, *nth, Some(false)) else { return };
                self.grounds[at].repo.set_run(run, "waiting", None);
            }
            What::DeployAgain { nth, ends } => {
                let Some(run) = self.run(at, &DEPLOYS, *nth, Some(true)) else { return };
                // A re-run of a phantom run is not a deploy, either.
                if self.grounds[at].model.phantoms.contains(&run) {
                    return;
                }
                self.grounds[at].repo.rerun(run, "dev");
                if let Some(conclusion) = ends {
                    self.grounds[at].repo.finish_run(run, conclusion);
                }
            }
            What::DeleteRun { nth } => self.delete_run(at, *nth),
            What::Phantom { conclusion } => self.phantom(at, conclusion),
            What::LoseBranch { nth } => {
                let Some(run) = self.run(at, &DEPLOYS, *nth, None) else { return };
                let Ground { repo, model, .. } = &self.grounds[at];
                if !model.strays.contains(&run) {
                    repo.forget_branch_of(run);
                }
            }
            What::Vanish { nth, seconds } => self.vanish(at, *nth, *seconds),
            _ => {}
        }
    }

    /// A deploy run started by somebody else.
    fn foreign(&mut self, at: usize, sha: &str, title: Title, on: On) -> u64 {
        let Ground { repo, model, .. } = &mut self.grounds[at];
        let branch = model.branch().to_owned();
        let tip = model.tip().to_owned();
        let (event, head) = match on {
            On::Push => ("push", sha.to_owned()),
            On::Stray => {
                let foreign =
                    NewCommit::on("elsewhere").parents(&[]).file("README.md", "# Other\n");
                ("workflow_dispatch", repo.push(foreign))
            }
            On::Tag => ("workflow_dispatch", sha.to_owned()),
            _ => ("workflow_dispatch", tip),
        };
        let reference = match on {
            On::Tag => "v1",
            On::Hotfix => "hotfix",
            _ => branch.as_str(),
        };
        if on == On::Tag {
            repo.tag("v1", &head);
        }
        // The title as the workflow's `run-name` makes it.
        let words = if on == On::Rollback { "Roll back to" } else { "Deploy" };
        let named = |digits: usize| format!("{words} {}", &sha[..digits]);
        let title = match title {
            Title::Full => named(40),
            Title::Short => named(7),
            Title::ToStaging => format!("{} to staging", named(7)),
            Title::Number => "Deploy 20261130".to_owned(),
            Title::ByHand => "By hand".to_owned(),
        };
        let by = if on == On::OurAccount { stage::GOVERNOR } else { "dev" };
        let file = if on == On::Rollback { ROLLBACK } else { stage::DEPLOY };
        let start = StartRun::of(event, reference, &head).by(by).input_sha(sha).title(&title);
        let start = if on == On::NoBranch { start.without_branch() } else { start };
        let run = repo.start_run(file, start);
        match on {
            On::Stray => drop(model.strays.insert(run)),
            On::OurAccount => drop(model.by_our_account.insert(run)),
            _ => {}
        }
        run
    }

    /// A run without jobs that failed at the start.
    fn phantom(&mut self, at: usize, conclusion: &str) {
        let Ground { repo, model, .. } = &mut self.grounds[at];
        let tip = model.tips["main"].clone();
        let run = repo.start_run(stage::DEPLOY, StartRun::push("main", &tip));
        repo.finish_run(run, conclusion);
        repo.set_jobs(run, &[]);
        model.phantoms.insert(run);
    }

    /// Hides one of our runs from GitHub's answers for a while.
    fn vanish(&mut self, at: usize, nth: u64, seconds: u64) {
        let Some(run) = self.run(at, &DEPLOYS, nth, Some(false)) else { return };
        let now = self.now();
        let Ground { repo, model, .. } = &mut self.grounds[at];
        let Some(deploy) = model.deploys.get_mut(&run).filter(|one| one.is_ours()) else { return };
        // Two 404s mean that the run is deleted, so hide it only once.
        if deploy.hidden_until.is_some() {
            return;
        }
        let until = SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        deploy.hidden_until = Some(now + until);
        repo.hide_run_for(run, Duration::from_secs(seconds));
        let on = FaultOn::path(&format!("/repos/*/actions/runs/{run}"));
        let message = "Not Found".to_owned();
        self.github.fail(on, Fault::Refuse { status: 404, message });
    }

    /// Deletes a run that did not succeed. A deleted success would be undetectable.
    fn delete_run(&mut self, at: usize, nth: u64) {
        let Some(run) = self.run(at, &DEPLOYS, nth, None) else { return };
        let ground = &self.grounds[at];
        let succeeded = ground.model.deploys.get(&run).is_some_and(|deploy| {
            let ended = deploy.tries.values().filter_map(|one| one.ended.as_ref());
            ended.into_iter().any(|(_, conclusion)| conclusion == "success")
        });
        if !succeeded {
            ground.repo.delete_run(run);
        }
    }
}
