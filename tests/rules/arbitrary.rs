//! Arbitrary small worlds: few commits, few runs, any history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use release_governor::domain::*;

use crate::approving::{modes, standings, timelines};
use crate::people::{CAST, by_ann, captains, head_of};
use crate::world::{
    World, at, attempt_id, branch_commits, changed, observation, policy, sha, signal,
    verification_run, workflow,
};

mod ledger;
mod origins;

pub(crate) use ledger::{kinds, ledgers, states};
use origins::{origins, steps_of_origins};

pub(crate) const COMMITS: u8 = 5;

/// Runs this many cases, scaled by `PROPTEST_CASES`. Failures are not persisted in a file; they
/// become a row or a test.
pub(crate) fn cases(number: u32) -> ProptestConfig {
    let usual = 256;
    let cases = number.saturating_mul(ProptestConfig::default().cases) / usual;
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases.max(1)) }
}

pub(crate) fn shas() -> BoxedStrategy<Sha> {
    (0..COMMITS).prop_map(sha).boxed()
}

pub(crate) fn times() -> BoxedStrategy<jiff::Timestamp> {
    (-300_i64..=0).prop_map(at).boxed()
}

/// Untrusted text: arbitrary, and known to be harmful.
pub(crate) fn texts() -> BoxedStrategy<String> {
    let nasty = select(vec![
        "\u{202e}gpj.exe",
        "a\r\nb",
        "\u{1b}[31m",
        "`@all`",
        "--> <!-- release-governor {} -->",
        "x) · HOLD",
        "; ",
        " · ",
        "\u{200b}\u{2066}",
        "ünïcödé 🚀",
        "HOLD 1a2b3c4 · LOW · paused: x",
    ]);
    prop_oneof![
        ".{0,20}",
        nasty.prop_map(str::to_owned),
        "\\PC{0,300}",
        ("[a-z ]{0,200}", ".{0,9}").prop_map(|(a, b)| a + &b),
    ]
    .boxed()
}

pub(crate) fn conclusions() -> BoxedStrategy<Conclusion> {
    prop_oneof![
        4 => Just(Conclusion::Success),
        3 => Just(Conclusion::Failure),
        2 => Just(Conclusion::Cancelled),
        1 => Just(Conclusion::TimedOut),
        1 => Just(Conclusion::StartupFailure),
        1 => Just(Conclusion::ActionRequired),
        1 => Just(Conclusion::Skipped),
        1 => Just(Conclusion::Neutral),
        1 => Just(Conclusion::Stale),
        1 => texts().prop_map(Conclusion::Other),
    ]
    .boxed()
}

pub(crate) fn progress() -> BoxedStrategy<RunProgress> {
    let unfinished = select(vec![
        RunStatus::Queued,
        RunStatus::InProgress,
        RunStatus::Waiting,
        RunStatus::Pending,
        RunStatus::Requested,
        RunStatus::Other,
    ]);
    prop_oneof![
        1 => unfinished.prop_map(RunProgress::Unfinished),
        4 => conclusions().prop_map(RunProgress::Finished),
    ]
    .boxed()
}

pub(crate) fn events() -> BoxedStrategy<RunEvent> {
    let names = vec!["workflow_dispatch", "push", "schedule", "repository_dispatch"];
    select(names).prop_map(|name| RunEvent(name.to_owned())).boxed()
}

pub(crate) fn run_refs() -> BoxedStrategy<RunRef> {
    (1..6_u64, 1..4_u32).prop_map(|(id, attempt)| RunRef { id: id.into(), attempt }).boxed()
}

fn run_attempts() -> BoxedStrategy<Box<KnownRunAttempt>> {
    let step = option::of((texts(), texts()));
    (times(), 0..5_i64, progress(), option::of(any::<bool>()), step)
        .prop_map(|(started_at, took, progress, superseded, failed_step)| KnownRunAttempt {
            started_at,
            updated_at: started_at + jiff::SignedDuration::from_mins(took),
            progress,
            superseded,
            failed_step,
            has_jobs: Some(true),
        })
        .prop_map(Box::new)
        .boxed()
}

pub(crate) fn known_runs() -> BoxedStrategy<KnownRun> {
    let attribution = prop_oneof![
        4 => shas().prop_map(Attribution::Sha),
        1 => Just(Attribution::Unknown),
        1 => Just(Attribution::Unresolved),
    ];
    let attempts = btree_map(1..4_u32, run_attempts(), 1..3);
    (1..6_u64, events(), attribution, times(), attempts, prop::bool::weighted(0.1))
        .prop_map(|(id, event, attribution, created_at, attempts, deleted)| KnownRun {
            id: id.into(),
            event,
            attribution,
            created_at,
            html_url: format!("https://github.com/acme/shop/actions/runs/{id}"),
            attempts,
            deleted,
            kind: RunKind::Deploy,
            source: None,
            history: RefHistory::NotAsked,
            attributed_by: AttributionRule::Own,
            searched: None,
            moved_deploy_files: None,
        })
        .boxed()
}

pub(crate) fn attempt_ids() -> BoxedStrategy<AttemptId> {
    (0..4_u64).prop_map(attempt_id).boxed()
}

pub(crate) fn risks() -> BoxedStrategy<RiskClass> {
    select(vec![RiskClass::Low, RiskClass::Medium, RiskClass::High]).boxed()
}

fn new_attempts() -> BoxedStrategy<NewAttempt> {
    let key = select(vec!["now", "then"]).prop_map(|key| RejectionKey(key.to_owned()));
    let seen = option::of((1..4_u64).prop_map(RunId::from));
    (attempt_ids(), shas(), 1..3_u32, risks(), seen, key)
        .prop_map(|(id, sha, number, risk, newest_run_seen, rejection_key)| NewAttempt {
            id,
            sha,
            number,
            risk,
            reason: Reason::AllowLow,
            newest_run_seen,
            workflow: 7.into(),
            deploy_ref: "main".into(),
            rejection_key,
            merged_at: None,
            triggered_by: None,
            judged_tip: None,
            rollback: false,
        })
        .boxed()
}

pub(crate) fn attempt_outcomes() -> BoxedStrategy<AttemptOutcome> {
    prop_oneof![
        texts().prop_map(AttemptOutcome::Withdrawn),
        texts().prop_map(AttemptOutcome::Rejected),
        texts().prop_map(AttemptOutcome::NotSent),
        Just(AttemptOutcome::NotStarted),
        Just(AttemptOutcome::Unconfirmed),
        Just(AttemptOutcome::Succeeded),
        conclusions().prop_map(AttemptOutcome::Failed),
        Just(AttemptOutcome::Superseded),
        Just(AttemptOutcome::RunDeleted),
    ]
    .boxed()
}

fn marks() -> BoxedStrategy<Mark> {
    (1..9_u64, times()).prop_map(|(id, at)| Mark { id: id.into(), at, target_url: None }).boxed()
}

fn attempts() -> BoxedStrategy<Attempt> {
    let phase = prop_oneof![
        Just(AttemptPhase::Intent),
        Just(AttemptPhase::Sending),
        Just(AttemptPhase::Accepted),
        Just(AttemptPhase::Running),
        attempt_outcomes().prop_map(AttemptPhase::Closed),
    ];
    let run = option::of((1..6_u64).prop_map(RunId::from));
    (new_attempts(), times(), phase, option::of(marks()), run, vec(times(), 0..2), any::<bool>())
        .prop_map(|(begun, at, phase, mark, run, absent_at, late)| Attempt {
            begun,
            at,
            phase,
            mark,
            run,
            absent_at,
            late,
        })
        .boxed()
}

fn status_states() -> BoxedStrategy<CommitStatusState> {
    select(vec![
        CommitStatusState::Error,
        CommitStatusState::Failure,
        CommitStatusState::Pending,
        CommitStatusState::Success,
    ])
    .boxed()
}

/// A description that one of our statuses may have on this commit.
pub(crate) fn descriptions(of: &Sha) -> BoxedStrategy<String> {
    let short = of.short().to_owned();
    let own = prop_oneof![
        attempt_ids()
            .prop_map(|id| format!("LOW · dispatching {id}"))
            .prop_map(|s| format!("ALLOW @ · {s}")),
        Just("ALLOW @ · LOW · Triggered: deploy workflow run".to_owned()),
        Just("HOLD @ · HIGH · high_risk_no_approval: approve".to_owned()),
        Just("HOLD @ · LOW · dispatch_unconfirmed: look".to_owned()),
        Just("WAIT @ · LOW · not_verified: wait".to_owned()),
        Just("SHIPPED @ · with 9f8e7d6".to_owned()),
        texts(),
    ];
    own.prop_map(move |text| text.replace('@', &short)).boxed()
}

pub(crate) fn statuses(of: Sha) -> BoxedStrategy<Vec<CommitStatus>> {
    let creator = select(vec!["governor[bot]", "governor[bot]", "mallory"]);
    let target = option::of((1..8_u64).prop_map(|id| format!("https://x.test/actions/runs/{id}")));
    let one = (status_states(), descriptions(&of), target, creator, times());
    vec(one, 0..6)
        .prop_map(|mut list| {
            list.sort_by_key(|(.., at)| std::cmp::Reverse(*at));
            let count = u64::try_from(list.len()).unwrap();
            let numbered = (0..count).rev().zip(list);
            numbered
                .map(|(id, (state, description, target_url, creator, created_at))| CommitStatus {
                    id: (id + 1).into(),
                    context: "booty/release-governor".to_owned(),
                    state,
                    description,
                    target_url,
                    creator: Some(Login::from(creator)),
                    created_at,
                })
                .collect()
        })
        .boxed()
}

pub(crate) fn files() -> BoxedStrategy<Vec<FileChange>> {
    let path = select(vec![
        "src/cart.rs",
        "Cargo.toml",
        "infra/net.tf",
        "db/1.sql",
        "README.md",
        ".github/workflows/deploy.yml",
    ]);
    let path = prop_oneof![6 => path.prop_map(str::to_owned), 1 => texts()];
    let file = (path.clone(), option::weighted(0.2, path))
        .prop_map(|(path, previous_path)| FileChange { previous_path, ..changed(&path) });
    vec(file, 0..4).boxed()
}

fn facts_of<T: std::fmt::Debug + Clone + 'static>(
    known: impl Strategy<Value = T> + 'static,
) -> BoxedStrategy<Fact<T>> {
    prop_oneof![
        12 => known.prop_map(Fact::Known),
        1 => Just(Fact::NotAsked),
        1 => Just(Fact::Unreadable(Why("timeout".to_owned()))),
    ]
    .boxed()
}

pub(crate) fn ranges() -> BoxedStrategy<Ranged> {
    let relation = select(vec![
        Relation::Ahead,
        Relation::Ahead,
        Relation::Ahead,
        Relation::Behind,
        Relation::Diverged,
        Relation::Identical,
    ]);
    let compared =
        (relation, files(), prop::bool::weighted(0.9)).prop_map(|(relation, files, complete)| {
            let files =
                if complete { RangeFiles::Complete(files) } else { RangeFiles::Truncated(files) };
            Ranged::Compared(Comparison { relation, files })
        });
    prop_oneof![
        8 => compared,
        1 => texts().prop_map(Ranged::Incomparable),
        1 => texts().prop_map(Ranged::Broken),
    ]
    .boxed()
}

fn commit_facts(of: Sha) -> BoxedStrategy<CommitFacts> {
    let verification = prop_oneof![
        6 => Just(Verification::Passed(verification_run())),
        1 => Just(Verification::None),
        1 => Just(Verification::Running(verification_run())),
        1 => conclusions().prop_map(|how| Verification::Failed(verification_run(), how)),
    ];
    let file = prop_oneof![
        3 => Just(DeployFiles::Same),
        1 => option::of(Just("b10b".to_owned())).prop_map(|at_tip| DeployFiles::Differ {
            paths: [".github/workflows/deploy.yml".to_owned()].into(),
            at_tip,
        }),
    ];
    let on_branch = prop::bool::weighted(0.9);
    (
        facts_of(verification),
        vec(times(), 0..2),
        facts_of(on_branch),
        facts_of(file),
        facts_of(statuses(of)),
    )
        .prop_map(|(verification, reverified_at, on_branch, deploy_files, statuses)| CommitFacts {
            verification,
            reverified_at,
            uncounted: None,
            on_branch,
            deploy_files,
            statuses,
        })
        .boxed()
}

/// Mostly none: what is frozen says little about the rules after that one. Worlds lie around noon of
/// a Monday in UTC.
fn calendars() -> BoxedStrategy<LaneCalendar> {
    let zone = select(vec!["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"]);
    let times = || select(vec!["Fri 16:00", "Sun 23:30", "Mon 11:59", "Mon 12:00", "Mon 13:00"]);
    let entry = |kind| {
        (zone.clone(), times(), times())
            .prop_filter("an interval is not empty", |(_, from, to)| from != to)
            .prop_map(move |(zone, from, to)| {
                Arc::new(crate::freezes::weekly(kind, zone, &[(from, to)]))
            })
    };
    let (freezes, windows) = (entry(CalendarKind::Freeze), entry(CalendarKind::Window));
    let some = (vec(freezes, 0..3), vec(windows, 0..3));
    let some = some.prop_map(|(freezes, windows)| LaneCalendar { freezes, windows });
    prop_oneof![9 => Just(LaneCalendar::default()), 1 => some].boxed()
}

pub(crate) fn policies() -> BoxedStrategy<Policy> {
    let environment = prop_oneof![
        4 => Just(EnvironmentApproval::Nothing),
        1 => Just(EnvironmentApproval::Everything),
        1 => vec(shas(), 0..2).prop_map(EnvironmentApproval::Shas),
    ];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.9));
    let recovery = select(vec![OnRecovery::Comment, OnRecovery::Close, OnRecovery::Ignore]);
    let paused = option::weighted(0.1, texts());
    let people = (modes(), any::<bool>(), any::<bool>(), prop::bool::weighted(0.2));
    let raises = prop::bool::weighted(0.2);
    let more = (raises, calendars());
    (environment, flags, 1..3_u32, 1..3_u32, 0..60_u64, recovery, paused, people, more)
        .prop_map(
            |(
                environment,
                flags,
                attempts,
                an_hour,
                cooldown,
                recovery,
                paused,
                people,
                (raises, calendar),
            )| Policy {
                approved_by_environment: environment,
                calendar,
                approval_modes: people.0,
                approval_allow_author: people.1,
                approval_before_merge: people.2,
                approval_teams: people.3.then(captains).into_iter().collect(),
                raise_risk_contexts: raises.then(|| "scan".to_owned()).into_iter().collect(),
                require_approval_for_first_deploy: flags.0,
                workflow_files_high: true,
                hold_after_rollback: flags.1,
                hold_low_when_degraded: flags.2,
                degraded: Vec::new(),
                health_check: None,
                post_deploy_watch: std::time::Duration::from_secs(600),
                enabled: flags.3,
                max_attempts_per_sha: attempts,
                max_deploys_per_hour: an_hour,
                cooldown: std::time::Duration::from_secs(cooldown * 60),
                failure_issue_on_recovery: recovery,
                paused,
                ..policy()
            },
        )
        .boxed()
}

fn observations() -> BoxedStrategy<Observation> {
    let pairs: Vec<(Sha, Sha)> = (0..COMMITS)
        .flat_map(|base| (0..COMMITS).map(move |head| (sha(base), sha(head))))
        .filter(|(base, head)| base != head)
        .collect();
    let ranges = vec(facts_of(ranges()), pairs.len())
        .prop_map(move |facts| pairs.iter().cloned().zip(facts).collect::<BTreeMap<_, _>>());
    let commits = (0..COMMITS).map(|of| commit_facts(sha(of))).collect::<Vec<_>>();
    let found = prop_oneof![
        Just(SignalFinding::NotReadYet),
        texts().prop_map(|what| SignalFinding::Healthy { what }),
        (texts(), option::of(texts()))
            .prop_map(|(what, headline)| SignalFinding::Degraded { what, headline }),
        texts().prop_map(|why| SignalFinding::Unknown(Why(why))),
    ];
    let signals = vec((texts(), found), 0..3).prop_map(|readings| {
        readings.into_iter().map(|(name, found)| signal(&name, found)).collect::<Vec<_>>()
    });
    let deploy = prop_oneof![
        9 => Just(workflow(WorkflowState::Active)),
        1 => Just(WorkflowFact::Missing),
        1 => Just(WorkflowFact::NotConfigured),
        1 => texts().prop_map(|word| workflow(WorkflowState::Disabled(word))),
    ];
    let verified = subsequence((0..COMMITS).rev().collect::<Vec<_>>(), 0..4);
    let origins =
        (origins(), steps_of_origins()).prop_map(|(origins, steps)| Origins { steps, ..origins });
    (ranges, commits, signals, deploy, verified, option::of(shas()), any::<bool>(), origins)
        .prop_map(|(ranges, commits, signals, deploy_workflow, verified, head, linear, origins)| {
            let mut verified = verified.into_iter().map(sha);
            let candidate = verified.next();
            let head = head.filter(|head| Some(head) != candidate.as_ref());
            let candidates = Candidates { candidate, head, verified_below: verified.collect() };
            Observation {
                ranges,
                commits: (0..COMMITS).map(sha).zip(commits).collect(),
                signals,
                deploy_workflow,
                candidates,
                origins,
                branch_commits: if linear { branch_commits() } else { BranchCommits::default() },
                ..observation()
            }
        })
        .boxed()
}

pub(crate) fn worlds() -> BoxedStrategy<World> {
    (policies(), observations(), states(), prop::bool::weighted(0.2))
        .prop_map(|(policy, observation, release, triggered)| World {
            policy,
            observation,
            release,
            now: at(1),
            triggered,
            rollback: false,
        })
        .boxed()
}

/// Deploy runs as GitHub may show them.
pub(crate) fn seen_runs() -> BoxedStrategy<SeenRuns> {
    let title = prop_oneof![
        shas().prop_map(|sha| format!("Deploy {sha}")),
        shas().prop_map(|sha| format!("Deploy {}", sha.short())),
        texts(),
    ];
    let actor = select(vec!["governor[bot]", "mallory"]);
    let one = (1..4_u32, events(), title, progress(), times(), 0..5_i64, actor);
    let jobs = btree_map(run_refs(), vec(jobs(), 0..2), 0..3);
    let attributions = btree_map((1..9_u64).prop_map(RunId::from), shas(), 0..4);
    let deleted = btree_set((1..9_u64).prop_map(RunId::from), 0..2);
    let lists = select(vec![ListRead::Incomplete, ListRead::Complete, ListRead::Gone]);
    (btree_map(1..9_u64, one, 0..5), attributions, jobs, deleted, lists, any::<bool>())
        .prop_map(|(runs, attributions, jobs, deleted, list, named)| {
            let runs: Vec<Run> = runs
                .into_iter()
                .map(|(id, (attempt, event, title, progress, started_at, took, actor))| Run {
                    at: RunRef { id: id.into(), attempt },
                    workflow: 7.into(),
                    event,
                    head_branch: Some("main".into()),
                    head_sha: sha(6),
                    head_repository: Some(1.into()),
                    title,
                    progress,
                    created_at: started_at,
                    started_at,
                    updated_at: started_at + jiff::SignedDuration::from_mins(took),
                    actors: vec![Login::from(actor)],
                    html_url: format!("https://github.com/acme/shop/actions/runs/{id}"),
                })
                .collect();
            let shown: BTreeSet<RunId> = runs.iter().map(|run| run.at.id).collect();
            SeenRuns {
                newest: Some(9.into()),
                attributions: attributions
                    .into_iter()
                    .map(|(id, sha)| (id, Attribution::Sha(sha)))
                    .collect(),
                earlier_attempts: Vec::new(),
                jobs,
                jobs_untold: BTreeSet::new(),
                deleted: deleted.difference(&shown).copied().collect(),
                commits_named: runs
                    .iter()
                    .filter(|_| named)
                    .flat_map(|run| ShaPrefix::all_in(&run.title))
                    .map(|name| {
                        let commit = (0..COMMITS).map(sha).find(|sha| sha.starts_with(&name));
                        (name, commit)
                    })
                    .collect(),
                searches: [(7.into(), RunSearch { runs: runs.clone(), list })].into(),
                swept_at: None,
                scope: Some(crate::world::scope()),
                runs,
                ..SeenRuns::default()
            }
        })
        .boxed()
}

fn jobs() -> BoxedStrategy<Job> {
    let step = (texts(), option::of(conclusions()))
        .prop_map(|(name, conclusion)| Step { name, conclusion });
    (texts(), option::of(conclusions()), vec(step, 0..2))
        .prop_map(|(name, conclusion, steps)| Job { name, conclusion, steps })
        .boxed()
}
