//! Carries events out at the box, and tells the model what was done.

use std::time::Duration;

use release_governor::domain::{Approval, Operator, OperatorWord, Sha};
use release_governor::ghbox::{Fault, FaultOn, JobSpec, NewCommit, StartRun, story as stage};
use release_governor::store::MemoryDisk;

use crate::model::Approved;
use crate::script::{Event, Hit, Touch, What};
use crate::world::World;

/// What a request may meet in a rage.
fn rage() -> Vec<Fault> {
    vec![
        Fault::Status(500),
        Fault::Status(502),
        Fault::Status(503),
        Fault::StatusAfter(502),
        Fault::StatusAfter(500),
        Fault::LoseAnswer,
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::RefuseConnection,
        Fault::Delay(Duration::from_secs(5)),
        Fault::Delay(Duration::from_secs(45)),
        Fault::Hang,
        Fault::Truncate,
        Fault::MalformedJson,
        Fault::Html(502),
        Fault::SecondaryLimit { status: 403, retry_after: Some(7) },
        Fault::SecondaryLimit { status: 429, retry_after: None },
    ]
}

impl World {
    /// Carries one event out. Yields at which repository, where it may have dispatched.
    pub(crate) fn happen(&mut self, event: &Event) -> usize {
        let at = usize::try_from(event.at).unwrap() % self.grounds.len();
        self.tell(format!("[{at}] {:?}", event.what));
        match &event.what {
            What::Pass { crash } => self.pass(at, *crash),
            What::TwinPasses => self.twin_passes(at),
            What::BothPass => self.both_pass(at),
            What::Wait { seconds } => self.later(*seconds),
            What::Restart => self.stop(),
            What::LoseTheDisk => self.lose_the_disk(),
            What::DiskFull { full } => self.disk.set_full(*full),
            What::TwinComes => self.twin_comes(),
            What::TwinGoes => self.twin = None,
            What::Pause | What::Resume | What::Approve { .. } | What::SetProduction { .. } => {
                self.operator(at, &event.what);
            }
            What::Policy { key, value } => self.policy(at, key, value),
            What::Rage { seed, per_mille } => self.github.rage(*seed, *per_mille, rage()),
            What::Calm => self.github.calm(),
            What::Fail { operation, fault, skip } => self.fail(at, operation, *fault, *skip),
            other => self.at_github(at, other),
        }
        self.look();
        at
    }

    fn lose_the_disk(&mut self) {
        self.stop();
        self.disk = MemoryDisk::new();
        let now = self.now();
        for ground in &mut self.grounds {
            ground.model.disk_lost_at = Some(now);
            ground.model.paused = false;
            // No page of GitHub's holds that word.
            ground.model.production_set = None;
        }
    }

    fn twin_comes(&mut self) {
        self.twin = self.new_process(&MemoryDisk::new()).ok();
        for ground in &mut self.grounds {
            ground.model.twin_seen = true;
        }
    }

    fn policy(&mut self, at: usize, key: &str, value: &str) {
        self.stop();
        let now = self.now();
        let ground = &mut self.grounds[at];
        let policy = self.wanted.policies.get_mut(&ground.name.to_string()).unwrap();
        policy.insert(key.to_owned(), value.to_owned());
        ground.model.policy.insert(key.to_owned(), value.to_owned());
        ground.model.policy_changed = Some(now);
    }

    fn fail(&mut self, at: usize, operation: &str, hit: Hit, skip: u64) {
        let fault = match hit {
            Hit::LoseAnswer => Fault::LoseAnswer,
            Hit::LoseRequest => Fault::LoseRequest,
            Hit::RefuseConnection => Fault::RefuseConnection,
            Hit::Before(status) => Fault::Status(status),
            Hit::After(status) => Fault::StatusAfter(status),
            Hit::Truncate => Fault::Truncate,
            Hit::Malformed => Fault::MalformedJson,
            Hit::Hang => Fault::Hang,
            Hit::Refuse(status) => {
                Fault::Refuse { status, message: "Resource not accessible".to_owned() }
            }
            Hit::Limit => Fault::SecondaryLimit { status: 403, retry_after: Some(20) },
        };
        let name = self.grounds[at].name.to_string();
        let on = FaultOn::operation(operation).in_repository(&name).nth(skip + 1);
        self.github.fail(on, fault);
    }

    fn operator(&mut self, at: usize, what: &What) {
        let by = Operator { peer: "uid 1000".into(), name: Some("ada".into()) };
        let why = "so they said".to_owned();
        match what {
            What::Pause => {
                let said = self.say(at, OperatorWord::Paused { why, by });
                let model = &mut self.grounds[at].model;
                model.paused |= said;
                model.perhaps_paused = true;
            }
            What::Resume => {
                let said = self.say(at, OperatorWord::Resumed { by });
                let now = self.now();
                let model = &mut self.grounds[at].model;
                if said {
                    (model.paused, model.perhaps_paused) = (false, false);
                    model.spoke_at = Some(now);
                }
            }
            What::SetProduction { nth } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                let of: Sha = sha.parse().unwrap();
                if self.say(at, OperatorWord::ProductionSet { sha: of, why, by }) {
                    let now = self.now();
                    let model = &mut self.grounds[at].model;
                    model.production_set = Some((sha, now));
                    model.spoke_at = Some(now);
                }
            }
            What::Approve { nth, by_environment } => self.approve(at, *nth, *by_environment),
            _ => {}
        }
    }

    fn approve(&mut self, at: usize, nth: u64, by_environment: bool) {
        let Some(sha) = self.commit(at, nth) else { return };
        let ground = &self.grounds[at];
        if by_environment {
            let name = ground.name.to_string();
            self.stop();
            self.wanted.approved.push(format!("{name}@{sha}"));
            self.grounds[at].model.approvals.push(Approved { sha, deploy_file: None });
            return;
        }
        let tip = ground.model.commits.get(&ground.model.tip).map(|commit| commit.deploy_file);
        let blob = ground.repo.blob("main", ".github/workflows/deploy.yml");
        let by = Operator { peer: "uid 1000".into(), name: Some("ada".into()) };
        let of = sha.parse().unwrap();
        let approval = Approval { sha: of, deploy_file: blob, why: "fine".to_owned(), by };
        if self.say(at, OperatorWord::Approved { approval }) {
            self.grounds[at].model.approvals.push(Approved { sha, deploy_file: tip });
        }
    }

    /// The nth newest commit.
    fn commit(&self, at: usize, nth: u64) -> Option<String> {
        let order = &self.grounds[at].model.order;
        order.iter().rev().nth(usize::try_from(nth).unwrap()).cloned()
    }

    /// The nth newest run of a workflow that `fits`.
    fn run(&self, at: usize, file: &str, nth: u64, finished: Option<bool>) -> Option<u64> {
        let repo = &self.grounds[at].repo;
        let workflow = repo.workflow_id(file);
        let runs = repo.runs();
        let fitting = runs.iter().rev().filter(|run| {
            run.workflow_id == workflow
                && finished.is_none_or(|finished| finished == (run.status == "completed"))
        });
        fitting.map(|run| run.id).nth(usize::try_from(nth).unwrap())
    }

    fn at_github(&mut self, at: usize, what: &What) {
        match what {
            What::Push { touch, verified } => self.push(at, *touch, *verified),
            What::Verify { .. } | What::VerifyAgain { .. } | What::EndVerification { .. } => {
                self.verification(at, what);
            }
            What::ForcePush { nth } => self.force_push(at, *nth),
            What::PutBranch { nth } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                self.grounds[at].repo.force_push("main", &sha, "dev");
                self.grounds[at].model.tip = sha;
            }
            What::Forge { nth, description, state } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                let repo = &self.grounds[at].repo;
                repo.set_status(&sha, "booty/release-governor", state, description, "dev");
            }
            What::CloseIssue { nth } => {
                let repo = &self.grounds[at].repo;
                let issue = repo.issues().into_iter().rev().nth(usize::try_from(*nth).unwrap());
                if let Some(issue) = issue {
                    repo.close_issue(issue.number, "dev");
                }
            }
            What::ListLag { seconds } => {
                let now = self.now();
                let ground = &mut self.grounds[at];
                ground.repo.set_list_lag(Duration::from_secs(*seconds));
                ground.model.list_lags.push((now, *seconds));
            }
            What::IndexLag { seconds } => {
                self.grounds[at].repo.set_index_lag(Duration::from_secs(*seconds));
            }
            What::StopIndex { stopped } => self.grounds[at].repo.stop_index(*stopped),
            What::IndexMisses { nth } => {
                if let Some(run) = self.run(at, stage::VERIFY, *nth, None) {
                    self.grounds[at].repo.index_misses(run, true);
                }
            }
            other => self.deploys(at, other),
        }
    }

    fn push(&mut self, at: usize, touch: Touch, verified: Option<&str>) {
        let count = self.grounds[at].model.order.len();
        let path = match touch {
            Touch::Low => "src/cart.rs",
            Touch::Medium => "Cargo.toml",
            Touch::High => "db/migrations/0001.sql",
            Touch::DeployFile => ".github/workflows/deploy.yml",
        };
        let content = match touch {
            Touch::DeployFile => format!("{}\n# {count}\n", stage::deploy_file().yaml()),
            Touch::Low | Touch::Medium | Touch::High => format!("{count}\n"),
        };
        let ground = &mut self.grounds[at];
        let commit = NewCommit::on("main").message(&format!("Change {count}"));
        let sha = ground.repo.push(commit.file(path, &content));
        ground.model.pushed(&sha, touch);
        if let Some(conclusion) = verified {
            ground.repo.verify(&sha, conclusion);
        }
    }

    fn force_push(&mut self, at: usize, nth: u64) {
        let model = &mut self.grounds[at].model;
        let line: Vec<String> = model.line(&model.tip).map(str::to_owned).collect();
        let back = usize::try_from(nth).unwrap();
        // The first commit holds the workflows.
        if let Some(sha) = line.get(back).filter(|_| back + 1 < line.len()) {
            model.tip.clone_from(sha);
            self.grounds[at].repo.force_push("main", sha, "dev");
        }
    }

    fn verification(&mut self, at: usize, what: &What) {
        match what {
            What::Verify { nth, ends, by_hand } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                let event = if *by_hand { "workflow_dispatch" } else { "push" };
                let repo = &self.grounds[at].repo;
                let run = repo.start_run(stage::VERIFY, StartRun::of(event, "main", &sha));
                if let Some(conclusion) = ends {
                    repo.finish_run(run, conclusion);
                }
            }
            What::VerifyAgain { nth, ends } => {
                let Some(run) = self.run(at, stage::VERIFY, *nth, Some(true)) else { return };
                self.grounds[at].repo.rerun(run, "dev");
                if let Some(conclusion) = ends {
                    self.grounds[at].repo.finish_run(run, conclusion);
                }
            }
            What::EndVerification { nth, conclusion } => {
                let Some(run) = self.run(at, stage::VERIFY, *nth, Some(false)) else { return };
                self.grounds[at].repo.finish_run(run, conclusion);
            }
            _ => {}
        }
    }

    fn deploys(&mut self, at: usize, what: &What) {
        match what {
            What::ForeignDeploy { nth, titled, ends } => {
                let Some(sha) = self.commit(at, *nth) else { return };
                let repo = &self.grounds[at].repo;
                let title = if *titled { format!("Deploy {sha}") } else { "By hand".to_owned() };
                let start = StartRun::of("workflow_dispatch", "main", &repo.tip("main"));
                let start = start.by("dev").input_sha(&sha).title(&title);
                let run = repo.start_run(stage::DEPLOY, start);
                if let Some(conclusion) = ends {
                    repo.finish_run(run, conclusion);
                }
            }
            What::EndDeploy { nth, conclusion } => {
                let Some(run) = self.run(at, stage::DEPLOY, *nth, Some(false)) else { return };
                self.grounds[at].repo.finish_run(run, conclusion);
            }
            What::Supersede { nth } => {
                let Some(run) = self.run(at, stage::DEPLOY, *nth, Some(false)) else { return };
                let none: [JobSpec; 0] = [];
                self.grounds[at].repo.set_jobs(run, &none);
                self.grounds[at].repo.finish_run(run, "cancelled");
                let newer = What::ForeignDeploy { nth: 0, titled: true, ends: None };
                self.deploys(at, &newer);
            }
            What::AwaitReviewers { nth } => {
                let Some(run) = self.run(at, stage::DEPLOY, *nth, Some(false)) else { return };
                self.grounds[at].repo.set_run(run, "waiting", None);
            }
            What::DeployAgain { nth, ends } => {
                let Some(run) = self.run(at, stage::DEPLOY, *nth, Some(true)) else { return };
                self.grounds[at].repo.rerun(run, "dev");
                if let Some(conclusion) = ends {
                    self.grounds[at].repo.finish_run(run, conclusion);
                }
            }
            What::DeleteRun { nth } => self.delete_run(at, *nth),
            _ => {}
        }
    }

    /// Deletes a run that did not succeed: of one that did, nothing could tell any more.
    fn delete_run(&mut self, at: usize, nth: u64) {
        let Some(run) = self.run(at, stage::DEPLOY, nth, None) else { return };
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
