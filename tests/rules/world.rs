//! A small repository as plain values: commits `0` to `9` of one branch, `1` in production, `5`
//! wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use release_governor::decide::{Question, decide};
use release_governor::domain::*;

/// The candidate.
pub(crate) const WANTED: u8 = 5;
pub(crate) const BASE: u8 = 1;

/// The commit of this number.
pub(crate) fn sha(number: u8) -> Sha {
    format!("{number:02x}").repeat(20).parse().unwrap()
}

/// Now is 12:00; `minutes` may be negative.
pub(crate) fn at(minutes: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-02T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_mins(minutes)
}

pub(crate) fn us() -> BTreeSet<Login> {
    BTreeSet::from([Login::from("governor[bot]")])
}

pub(crate) fn operator() -> Operator {
    Operator { peer: "uid 1000".to_owned(), name: Some("kim".to_owned()) }
}

#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) observation: Observation,
    pub(crate) release: ReleaseState,
    pub(crate) now: Timestamp,
    pub(crate) triggered: bool,
    pub(crate) rollback: bool,
}

pub(crate) fn policy() -> Policy {
    Policy {
        repository: "acme/shop".parse().unwrap(),
        enabled: true,
        dry_run: false,
        paused: None,
        branch: None,
        verification_workflow: WorkflowName::from("Verify main"),
        verification_events: vec!["push".to_owned()],
        deploy_workflow: Some(WorkflowName::from("deploy.yml")),
        deploy_workflow_ref: None,
        run_title: None,
        other_run_titles: Vec::new(),
        run_events: KNOWN_EVENTS.map(str::to_owned).to_vec(),
        preview_refs: Vec::new(),
        other_deploy_workflows: Vec::new(),
        production_environment_name: "production".to_owned(),
        require_approval_for_first_deploy: false,
        high_risk_paths: PathPatterns::new(&["infra/**", ".github/workflows/**"]).unwrap(),
        medium_risk_paths: PathPatterns::new(&["**/Cargo.toml"]).unwrap(),
        migration_paths: PathPatterns::new(&["db/**"]).unwrap(),
        cooldown: Duration::from_secs(30 * 60),
        max_deploys_per_hour: 6,
        max_attempts_per_sha: 1,
        workflow_files_high: true,
        hold_after_rollback: true,
        hold_low_when_degraded: false,
        degraded: Vec::new(),
        health_check: None,
        post_deploy_watch: Duration::from_secs(600),
        hold_state: HoldState::Failure,
        deploy_timeout: Duration::from_secs(7_200),
        approval_modes: vec![ApprovalMode::Environment],
        approval_label: "release:approved".to_owned(),
        approval_command: ApprovalCommand::new("/approve").unwrap(),
        approval_min_permission: Permission::Write,
        approval_allow_author: false,
        approval_before_merge: true,
        approval_teams: Vec::new(),
        raise_risk_contexts: Vec::new(),
        dispatch_confirm: Duration::from_secs(300),
        status_context: "booty/release-governor".to_owned(),
        failure_types: Vec::new(),
        failure_issue_on_recovery: OnRecovery::Comment,
        identities: Vec::new(),
        approved_by_environment: EnvironmentApproval::Nothing,
        calendar: LaneCalendar::default(),
    }
}

pub(crate) fn workflow(state: WorkflowState) -> WorkflowFact {
    WorkflowFact::Found(Workflow {
        id: 7.into(),
        name: "Deploy".to_owned(),
        path: ".github/workflows/deploy.yml".to_owned(),
        state,
        updated_at: "2026-10-01T00:00:00Z".to_owned(),
        html_url: "https://github.com/acme/shop/blob/main/.github/workflows/deploy.yml".to_owned(),
    })
}

pub(crate) fn verification_run() -> VerificationRun {
    VerificationRun {
        at: RunRef { id: 11.into(), attempt: 1 },
        started_at: at(-100),
        html_url: "https://github.com/acme/shop/actions/runs/11".to_owned(),
    }
}

pub(crate) fn ahead(paths: &[&str]) -> Fact<Ranged> {
    related(Relation::Ahead, paths)
}

pub(crate) fn related(relation: Relation, paths: &[&str]) -> Fact<Ranged> {
    let files = RangeFiles::Complete(paths.iter().map(|path| changed(path)).collect());
    Fact::Known(Ranged::Compared(Comparison { relation, files }))
}

/// The deploy file at the tip differs.
pub(crate) fn another_deploy_file(at_tip: Option<&str>) -> Fact<DeployFiles> {
    let paths = [".github/workflows/deploy.yml".to_owned()].into();
    Fact::Known(DeployFiles::Differ { paths, at_tip: at_tip.map(str::to_owned) })
}

/// A change of this path to the only content that it ever has here.
pub(crate) fn changed(path: &str) -> FileChange {
    let content = FileContent::Blob(format!("blob of {path}"));
    FileChange { path: path.to_owned(), previous_path: None, content }
}

/// Commits `9` to `0`, each the child of the previous one.
pub(crate) fn branch_commits() -> BranchCommits {
    let parents = |number: u8| number.checked_sub(1).map(sha).into_iter().collect();
    BranchCommits {
        commits: (0..=9).rev().map(|number| (sha(number), parents(number))).collect(),
        complete: true,
        messages: (0..=9).map(|number| (sha(number), None)).collect(),
    }
}

/// The commits from every earlier commit to a later one, none of which reverts anything.
fn commits_between() -> BTreeMap<(Sha, Sha), Fact<Availability<Vec<ListedCommit>>>> {
    let listed = |number: u8| ListedCommit {
        sha: sha(number),
        parents: vec![sha(number - 1)],
        message: CommitMessage::of(&format!("Change {number}")),
    };
    let between = |(base, head): (u8, u8)| {
        let commits = (base + 1..=head).map(listed).collect();
        ((sha(base), sha(head)), Fact::Known(Availability::Known(commits)))
    };
    (1..=9).flat_map(|head| (0..head).map(move |base| (base, head))).map(between).collect()
}

/// Every range from a later commit to an earlier one.
fn backwards() -> impl Iterator<Item = ((Sha, Sha), Fact<Ranged>)> {
    let pairs = (0..=9_u8).flat_map(|base| (0..base).map(move |head| (sha(base), sha(head))));
    pairs.map(|pair| (pair, related(Relation::Behind, &[])))
}

/// Every step of the branch, without changes.
fn steps() -> impl Iterator<Item = ((Sha, Sha), Fact<Ranged>)> {
    (1..=9_u8).map(|number| ((sha(number - 1), sha(number)), ahead(&[])))
}

/// No commit came with a pull request.
fn pushed_directly() -> Origins {
    let pulls = (0..=9).map(|number| (sha(number), Fact::Known(Availability::Known(Vec::new()))));
    Origins { pulls: pulls.collect(), ..Origins::default() }
}

pub(crate) fn observation() -> Observation {
    let facts = CommitFacts {
        verification: Fact::Known(Verification::Passed(verification_run())),
        reverified_at: Vec::new(),
        uncounted: None,
        on_branch: Fact::Known(true),
        deploy_files: Fact::Known(DeployFiles::Same),
        statuses: Fact::Known(Vec::new()),
    };
    let wanted = ((sha(BASE), sha(WANTED)), ahead(&["src/cart.rs"]));
    Observation {
        repository: Repository {
            id: 1.into(),
            name: "acme/shop".parse().unwrap(),
            default_branch: "main".into(),
            archived: false,
            has_issues: true,
            html_url: "https://github.com/acme/shop".to_owned(),
        },
        branch: "main".into(),
        deploy_ref: "main".into(),
        deploy_ref_tip: Some(sha(9)),
        deploy_workflow: workflow(WorkflowState::Active),
        branch_tip: Some(sha(9)),
        branch_commits: branch_commits(),
        candidates: Candidates {
            candidate: Some(sha(WANTED)),
            head: None,
            verified_below: Vec::new(),
        },
        commits: (0..=9).map(|number| (sha(number), facts.clone())).collect(),
        ranges: backwards().chain(steps()).chain([wanted]).collect(),
        commits_between: commits_between(),
        ancestry: Ancestry::default(),
        origins: pushed_directly(),
        signals: Vec::new(),
        health_check: None,
        workflow_ids: BTreeMap::new(),
        rejection_key: RejectionKey("now".to_owned()),
        us: us(),
    }
}

/// A deploy run with one attempt.
pub(crate) fn run(id: u64, of: Option<u8>, start: i64, progress: RunProgress) -> KnownRun {
    let attempt = KnownRunAttempt {
        started_at: at(start),
        updated_at: at(start + 2),
        progress,
        superseded: None,
        failed_step: None,
        has_jobs: Some(true),
    };
    KnownRun {
        id: id.into(),
        event: RunEvent("workflow_dispatch".to_owned()),
        attribution: of.map_or(Attribution::Unknown, |of| Attribution::Sha(sha(of))),
        created_at: at(start),
        html_url: format!("https://github.com/acme/shop/actions/runs/{id}"),
        attempts: BTreeMap::from([(1, Box::new(attempt))]),
        deleted: false,
        kind: RunKind::Deploy,
        source: None,
        history: RefHistory::NotAsked,
        attributed_by: AttributionRule::Own,
        searched: None,
        moved_deploy_files: None,
    }
}

/// What counts as a deploy under [`policy`].
pub(crate) fn scope() -> DeployScope {
    let others = std::collections::BTreeSet::from([8.into()]);
    DeployScope::new(&policy(), 1.into(), 7.into(), others, "main".into(), "main".into())
}

pub(crate) fn succeeded() -> RunProgress {
    RunProgress::Finished(Conclusion::Success)
}

pub(crate) fn failed() -> RunProgress {
    RunProgress::Finished(Conclusion::Failure)
}

pub(crate) fn works() -> RunProgress {
    RunProgress::Unfinished(RunStatus::InProgress)
}

pub(crate) fn attempt_id(number: u64) -> AttemptId {
    format!("{:06x}", number % 0x0100_0000).parse().unwrap()
}

pub(crate) fn begun(id: u64, of: u8) -> NewAttempt {
    NewAttempt {
        id: attempt_id(id),
        sha: sha(of),
        number: 1,
        risk: RiskClass::Low,
        reason: Reason::AllowLow,
        newest_run_seen: None,
        workflow: 7.into(),
        deploy_ref: "main".into(),
        rejection_key: RejectionKey("now".to_owned()),
        merged_at: None,
        triggered_by: None,
        judged_tip: None,
        rollback: false,
    }
}

impl World {
    /// `1` is in production by a run of ours, `5` is verified, and nothing blocks.
    pub(crate) fn calm() -> Self {
        let mut world = Self {
            policy: policy(),
            observation: observation(),
            release: ReleaseState::default(),
            now: at(0),
            triggered: false,
            rollback: false,
        };
        world.hears(-1_000, EntryKind::Governed { name: "acme/shop".parse().unwrap() });
        world.hears(-1_000, EntryKind::Recovered { attempts: Vec::new(), paused: None });
        world.deploys(10, BASE, -600, succeeded());
        world
    }

    /// Records an entry in the ledger.
    pub(crate) fn hears(&mut self, minutes: i64, kind: EntryKind) {
        self.release.apply(&Entry { at: at(minutes), kind });
    }

    /// A deploy of ours: attempt, run and, if the run ended, outcome.
    pub(crate) fn deploys(&mut self, run_id: u64, of: u8, minutes: i64, progress: RunProgress) {
        let id = attempt_id(run_id);
        self.hears(minutes, EntryKind::AttemptBegun { attempt: begun(run_id, of) });
        let mark = Mark { id: run_id.into(), at: at(minutes), target_url: None };
        self.hears(minutes, EntryKind::AttemptMarked { id: id.clone(), mark });
        self.hears(minutes, EntryKind::AttemptSending { id: id.clone() });
        let found = EntryKind::AttemptRun { id: id.clone(), run: run_id.into(), late: false };
        self.hears(minutes, found);
        self.sees(run(run_id, Some(of), minutes, progress.clone()));
        if let RunProgress::Finished(conclusion) = progress {
            let outcome = match conclusion {
                Conclusion::Success => AttemptOutcome::Succeeded,
                other => AttemptOutcome::Failed(other),
            };
            self.hears(minutes + 2, EntryKind::AttemptClosed { id, outcome });
        }
    }

    /// A successful rollback that an operator requested.
    pub(crate) fn deploys_back(&mut self, run_id: u64, of: u8, minutes: i64) {
        let (id, run_number) = (attempt_id(run_id), RunId::from(run_id));
        let attempt = NewAttempt { rollback: true, ..begun(run_id, of) };
        self.hears(minutes, EntryKind::AttemptBegun { attempt });
        let found = EntryKind::AttemptRun { id: id.clone(), run: run_number, late: false };
        self.hears(minutes, found);
        self.sees(run(run_id, Some(of), minutes, succeeded()));
        let outcome = AttemptOutcome::Succeeded;
        self.hears(minutes + 2, EntryKind::AttemptClosed { id, outcome });
    }

    /// A run is seen, whoever started it.
    pub(crate) fn sees(&mut self, run: KnownRun) {
        self.hears(0, EntryKind::RunSeen { run });
    }

    pub(crate) fn word(&mut self, minutes: i64, word: OperatorAction) {
        self.hears(minutes, EntryKind::Operator(word));
    }

    pub(crate) fn approves(&mut self, minutes: i64, of: u8) {
        let approval = Approval {
            sha: sha(of),
            deploy_file: None,
            why: "looked at it".to_owned(),
            by: operator(),
        };
        self.word(minutes, OperatorAction::Approved { approval });
    }

    pub(crate) fn facts(&mut self, of: u8) -> &mut CommitFacts {
        self.observation.commits.entry(sha(of)).or_default()
    }

    pub(crate) fn range(&mut self, base: u8, head: u8, range: Fact<Ranged>) {
        self.observation.ranges.insert((sha(base), sha(head)), range);
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict_of(&sha(WANTED))
    }

    pub(crate) fn verdict_of(&self, sha: &Sha) -> Verdict {
        decide(&Question {
            sha,
            policy: &self.policy,
            observation: &self.observation,
            release: &self.release,
            triggered: self.triggered,
            rollback: self.rollback,
            supposed_production: None,
            now: self.now,
        })
    }

    pub(crate) fn decision(&self) -> Decision {
        match self.verdict() {
            Verdict::Decided(decision) => *decision,
            other => panic!("no decision: {other:?}"),
        }
    }
}

/// A reading of a signal with this name.
pub(crate) fn signal(name: &str, found: SignalFinding) -> SignalReading {
    SignalReading { signal: name.to_owned(), found, read_at: Some(at(0)), since: Some(at(-1)) }
}

pub(crate) fn says_healthy() -> SignalReading {
    signal("pages", SignalFinding::Healthy { what: "nothing fires".to_owned() })
}

pub(crate) fn says_degraded() -> SignalReading {
    signal("errors", SignalFinding::Degraded { what: "error rate 9 %".to_owned(), headline: None })
}

pub(crate) fn says_nothing() -> SignalReading {
    signal("health", SignalFinding::Unknown(Why("no answer".to_owned())))
}
