//! Stores on disk: those of earlier versions, invalid ones, and those left by a crash.
//!
//! `stores/vN.redb` was written by the program when its schema was N, and is kept forever.
//! `KEEP_STORE=1 cargo test --test surface keep_a_store -- --ignored` creates a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use redb::{Database, ReadableDatabase as _, TableDefinition};
use release_governor::domain::{
    Approval, ApprovalMode, Attempt, AttemptId, AttemptOutcome, AttemptPhase, Attribution,
    AttributionRule, CommitStatusState, Conclusion, EntryKind, GivenApproval, Health, IssueNumber,
    IssueStep, KnownRun, KnownRunAttempt, Mark, NewAttempt, Operator, OperatorAction, Outcome,
    Reason, RefHistory, RejectionKey, ReleaseState, RepoId, RepoName, RiskClass, RunEvent, RunId,
    RunKind, RunProgress, RunRef, RunStatus, Sha, StatusId, StatusRecord, WorkflowId,
};
use release_governor::store::{Store, StoreError, StoreOptions};
use serde_json::json;
use tempfile::TempDir;

const FILE: &str = "release-governor.redb";
/// The schema of this program.
const SCHEMA: u64 = 2;
/// The table in which every version of the program finds the schema.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

#[tokio::test]
async fn a_store_of_schema_1_is_read_as_it_was_written() {
    is_read_as_it_was_written("v1.redb", &one_of_each_in_schema_1()).await;
}

#[tokio::test]
async fn a_store_of_schema_2_is_read_as_it_was_written() {
    is_read_as_it_was_written("v2.redb", &one_of_each()).await;
}

async fn is_read_as_it_was_written(file: &str, entries: &[EntryKind]) {
    let home = home_with(&fs::read(kept(file)).unwrap());
    let store = open(home.path()).unwrap();
    let shop = store.ledger(shop()).await.unwrap();
    assert_eq!(*shop.state(), what_comes_of(entries));
    let history = store.history(RepoId::from(42), None, 1_000).await.unwrap();
    let kinds: Vec<EntryKind> = history.into_iter().rev().map(|(_, entry)| entry.kind).collect();
    assert_eq!(kinds, entries);
    assert_eq!(store.repo_id(&name()).await.unwrap(), Some(RepoId::from(42)));
    let other = store.ledger(RepoId::from(43)).await.unwrap();
    assert_eq!(other.state().decided.len(), 100);
    assert_eq!(store.cache().get("GET /repos/acme/shop").await.unwrap(), b"etag W/1");
    assert_eq!(store.views().await, [(name(), json!({"decision": "HOLD"}))]);
    let fact = store.fact(RepoId::from(42), "compare").await.unwrap();
    assert_eq!(fact, Some(json!({"files": ["src/cart.rs"]})));
    store.close().await.unwrap();
}

/// An earlier version reads the schema first, and refuses one that is newer than its own.
#[tokio::test]
async fn what_this_program_opened_or_made_bears_its_schema() {
    for before in [None, Some("v1.redb"), Some("v2.redb")] {
        let home = TempDir::new().unwrap();
        if let Some(file) = before {
            fs::copy(kept(file), home.path().join(FILE)).unwrap();
        }
        open(home.path()).unwrap().close().await.unwrap();
        assert_eq!(schema_in(home.path()), SCHEMA, "{before:?}");
    }
    assert!(kept(&format!("v{SCHEMA}.redb")).is_file(), "a file of each schema is kept");
}

/// An earlier version must not act on half of the data: it refuses the file, and nothing is
/// lost.
#[tokio::test]
async fn what_an_earlier_program_cannot_read_needs_a_schema_of_its_own() {
    let (first, now) = (one_of_each_in_schema_1(), one_of_each());
    let names = |kinds: &[EntryKind]| kinds.iter().map(EntryKind::name).collect::<BTreeSet<_>>();
    let new: Vec<&str> = names(&now).difference(&names(&first)).copied().collect();
    assert_eq!(new, ["approval_counted", "health_checked"]);
    assert_eq!(names(&now), EntryKind::NAMES.into_iter().collect(), "one of each kind is kept");
}

#[tokio::test]
#[ignore = "writes the file that is kept for ever: once for each schema"]
async fn keep_a_store() {
    if std::env::var_os("KEEP_STORE").is_none() {
        return;
    }
    let home = TempDir::new().unwrap();
    let store = open(home.path()).unwrap();
    let mut ledger = store.ledger(shop()).await.unwrap();
    for (second, kind) in (0..).zip(one_of_each()) {
        ledger.record(at(second), vec![kind]).await.unwrap();
    }
    let mut other = store.ledger(RepoId::from(43)).await.unwrap();
    for number in 0..100 {
        other.record(at(number.into()), vec![decided(number)]).await.unwrap();
    }
    store.cache().put("GET /repos/acme/shop", b"etag W/1".to_vec());
    store.put_view(&name(), json!({"decision": "HOLD"})).await.unwrap();
    store.put_fact(shop(), "compare", json!({"files": ["src/cart.rs"]})).await.unwrap();
    store.close().await.unwrap();
    let mut db = Database::open(home.path().join(FILE)).unwrap();
    while db.compact().unwrap() {}
    db.close().unwrap();
    fs::copy(home.path().join(FILE), kept(&format!("v{SCHEMA}.redb"))).unwrap();
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_as_it_is() {
    let home = home_with(&fs::read(kept("v2.redb")).unwrap());
    let db = Database::open(home.path().join(FILE)).unwrap();
    let write = db.begin_write().unwrap();
    write.open_table(META).unwrap().insert("schema", 1_000).unwrap();
    write.commit().unwrap();
    db.close().unwrap();

    let error = refused_and_untouched(home.path());
    assert!(
        matches!(error, StoreError::NewerSchema { found: 1_000, known: SCHEMA, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("a newer release-governor wrote it"), "{error}");
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_left_as_it_is() {
    let good = fs::read(kept("v2.redb")).unwrap();
    let empty_database = {
        let home = TempDir::new().unwrap();
        Database::create(home.path().join(FILE)).unwrap().close().unwrap();
        fs::read(home.path().join(FILE)).unwrap()
    };
    let mut other_page = good.clone();
    for byte in other_page.iter_mut().skip(4_096).step_by(97) {
        *byte ^= 0x55;
    }
    let cases: [(&str, Vec<u8>); 7] = [
        ("nothing", vec![]),
        ("text", b"apiVersion: v1\nkind: ConfigMap\n".repeat(500)),
        ("zeros", vec![0; 100_000]),
        ("another database", empty_database),
        ("a damaged store", other_page),
        ("half a store", good[..good.len() / 2].to_vec()),
        ("the beginning of a store", good[..100].to_vec()),
    ];
    for (what, bytes) in cases {
        let home = home_with(&bytes);
        let error = refused_and_untouched(home.path());
        assert!(matches!(error, StoreError::Unreadable { .. }), "{what}: {error:?}");
        assert!(error.to_string().contains("It was left as it is"), "{what}: {error}");
    }
}

#[tokio::test]
async fn any_damaged_page_is_refused_or_read_as_it_was_but_never_panics() {
    let good = fs::read(kept("v2.redb")).unwrap();
    for page in (0..good.len()).step_by(4_096) {
        let mut damaged = good.clone();
        let end = (page + 512).min(damaged.len());
        damaged[page..end].fill(0xAA);
        let home = home_with(&damaged);
        match open(home.path()) {
            Ok(store) => {
                let ledger = store.ledger(shop()).await.unwrap();
                assert_eq!(*ledger.state(), what_comes_of(&one_of_each()), "page at {page}");
                store.close().await.unwrap();
            }
            Err(StoreError::Unreadable { .. }) => {
                assert_eq!(fs::read(home.path().join(FILE)).unwrap(), damaged, "page at {page}");
            }
            Err(other) => panic!("page at {page}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_second_process_is_told_that_the_store_is_taken() {
    let home = TempDir::new().unwrap();
    let store = open(home.path()).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(matches!(error, StoreError::AlreadyOpen { .. }), "{error}");
    assert!(error.to_string().contains("another release-governor holds it"), "{error}");
    store.close().await.unwrap();
    open(home.path()).unwrap().close().await.unwrap();
}

#[tokio::test]
async fn a_store_is_for_nobody_else_and_nothing_lies_beside_it() {
    let home = TempDir::new().unwrap();
    let dir = home.path().join("deep/state");
    open(&dir).unwrap().close().await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join(FILE)), 0o600);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);

    fs::set_permissions(dir.join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
    open(&dir).unwrap().close().await.unwrap();
    assert_eq!(mode(&dir.join(FILE)), 0o600);
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_is_said_to_be_so() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let error = open(&home.path().join("file")).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    fs::create_dir_all(home.path().join("state").join(FILE)).unwrap();
    let error = open(&home.path().join("state")).unwrap_err();
    assert!(error.to_string().contains(FILE), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_file_in_use_holds_every_acknowledged_record() {
    let home = TempDir::new().unwrap();
    let store = open(home.path()).unwrap();
    let mut ledger = store.ledger(shop()).await.unwrap();
    for number in 0..80 {
        store.cache().put(&format!("key {number}"), vec![number; 1_000]);
        ledger.record(at(number.into()), vec![decided(number)]).await.unwrap();
        if number % 20 == 3 {
            let copy = home_with(&fs::read(home.path().join(FILE)).unwrap());
            let copied = open(copy.path()).unwrap();
            assert_eq!(copied.ledger(shop()).await.unwrap().state(), ledger.state());
            copied.close().await.unwrap();
        }
    }
    // The store is not closed, which is a crash as far as the file knows.
    drop(ledger);
    drop(store);
    let store = open(home.path()).unwrap();
    assert_eq!(store.ledger(shop()).await.unwrap().state().decided.len(), 80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_repositories_record_at_once() {
    let home = TempDir::new().unwrap();
    let store = open(home.path()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for repo in 0..40 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut ledger = store.ledger(RepoId::from(repo)).await.unwrap();
            for number in 0..20 {
                ledger.record(at(number.into()), vec![decided(number)]).await.unwrap();
            }
            ledger.state().clone()
        });
    }
    let states = tasks.join_all().await;
    store.close().await.unwrap();
    let store = open(home.path()).unwrap();
    for repo in 0..40 {
        assert_eq!(*store.ledger(RepoId::from(repo)).await.unwrap().state(), states[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_nobody_waited_for_is_noticed_before_the_next() {
    let home = TempDir::new().unwrap();
    let store = open(home.path()).unwrap();
    let mut ledger = store.ledger(shop()).await.unwrap();
    let mut dropped_midway = 0;
    for number in 0..50 {
        let answered = tokio::select! {
            biased;
            result = ledger.record(at(number.into()), vec![decided(number)]) => Some(result),
            () = std::future::ready(()) => None,
        };
        dropped_midway += usize::from(answered.is_none());
        match ledger.record(at(number.into()), vec![decided(100)]).await {
            Ok(()) | Err(StoreError::Moved { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        ledger.record(at(number.into()), vec![decided(101)]).await.unwrap();
        assert_eq!(store.ledger(shop()).await.unwrap().state(), ledger.state());
    }
    assert!(dropped_midway > 0);
}

#[tokio::test]
async fn answers_outlive_the_process_however_many_there_are() {
    let home = TempDir::new().unwrap();
    let store = open(home.path()).unwrap();
    let cache = store.cache();
    for number in 0..1_000 {
        cache.put(&format!("GET /{number}"), format!("answer {number}").into_bytes());
    }
    cache.put("GET /0", b"newer".to_vec());
    store.close().await.unwrap();
    let store = open(home.path()).unwrap();
    assert_eq!(store.cache().get("GET /0").await.unwrap(), b"newer");
    for number in 1..1_000 {
        let answer = format!("answer {number}").into_bytes();
        assert_eq!(store.cache().get(&format!("GET /{number}")).await, Some(answer));
    }
    assert_eq!(store.cache().get("GET /1000").await, None);
}

fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, StoreOptions::default())
}

fn home_with(bytes: &[u8]) -> TempDir {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join(FILE), bytes).unwrap();
    home
}

fn refused_and_untouched(dir: &Path) -> StoreError {
    let before = fs::read(dir.join(FILE)).unwrap();
    let error = open(dir).unwrap_err();
    assert_eq!(fs::read(dir.join(FILE)).unwrap(), before, "{error}");
    assert_eq!(fs::read_dir(dir).unwrap().count(), 1, "{error}");
    error
}

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/surface/stores").join(name)
}

fn at(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2026-11-01T12:00:00Z".parse().unwrap();
    noon + SignedDuration::from_secs(seconds)
}

fn shop() -> RepoId {
    RepoId::from(42)
}

fn name() -> RepoName {
    "acme/shop".parse().unwrap()
}

fn sha(number: u8) -> Sha {
    format!("{number:040x}").parse().unwrap()
}

fn decided(number: u8) -> EntryKind {
    EntryKind::Decided {
        sha: sha(number),
        outcome: Outcome::Hold,
        reason: Reason::HighRiskNoApproval,
        risk: RiskClass::High,
        evidence: vec!["infra/main.tf is HIGH".into()],
    }
}

fn new_attempt(id: &str, number: u8) -> NewAttempt {
    NewAttempt {
        id: id.parse().unwrap(),
        sha: sha(number),
        number: 1,
        risk: RiskClass::Medium,
        reason: Reason::AllowMedium,
        newest_run_seen: Some(RunId::from(100)),
        workflow: WorkflowId::from(9),
        deploy_ref: "main".into(),
        rejection_key: RejectionKey("k1".into()),
        merged_at: None,
        triggered_by: None,
        judged_tip: None,
        rollback: false,
    }
}

fn recovered(id: &str, phase: AttemptPhase) -> Attempt {
    Attempt {
        begun: new_attempt(id, 9),
        at: at(-100),
        phase,
        mark: Some(Mark { id: StatusId::from(77), at: at(-99), target_url: None }),
        run: None,
        absent_at: vec![at(-50)],
        late: false,
    }
}

fn run() -> KnownRun {
    let attempt = |progress| {
        Box::new(KnownRunAttempt {
            started_at: at(20),
            updated_at: at(21),
            progress,
            superseded: Some(false),
            failed_step: Some(("deploy".into(), "health check".into())),
            has_jobs: None,
        })
    };
    KnownRun {
        id: RunId::from(101),
        event: RunEvent("workflow_dispatch".into()),
        attribution: Attribution::Unresolved,
        created_at: at(19),
        html_url: "https://github.com/acme/shop/actions/runs/101".into(),
        attempts: BTreeMap::from([
            (1, attempt(RunProgress::Finished(Conclusion::Other("exploded".into())))),
            (2, attempt(RunProgress::Unfinished(RunStatus::Waiting))),
        ]),
        deleted: false,
        // The stored files predate these fields.
        kind: RunKind::default(),
        source: None,
        history: RefHistory::default(),
        attributed_by: AttributionRule::default(),
        searched: None,
        moved_deploy_files: None,
    }
}

fn operator() -> Operator {
    Operator { peer: "uid 1000".into(), name: Some("ada".into()) }
}

fn status() -> StatusRecord {
    StatusRecord {
        context: None,
        id: StatusId::from(5),
        at: at(18),
        state: CommitStatusState::Pending,
        description: "ALLOW 0000000 · MEDIUM · dispatching 7f3a9c".into(),
        target_url: Some("https://github.com/acme/shop/actions/runs/101".into()),
    }
}

/// An entry of every kind in the current schema.
fn one_of_each() -> Vec<EntryKind> {
    let mut entries = one_of_each_in_schema_1();
    entries.push(EntryKind::HealthChecked {
        health: Health::Degraded,
        since: at(30),
        run: Some(RunRef { id: RunId::from(101), attempt: 2 }),
        found: vec!["prometheus: 3 samples".into()],
        signals: Vec::new(),
    });
    let approval = GivenApproval {
        pull: Some(42.into()),
        sha: None,
        mode: ApprovalMode::Label,
        by: Some("kim".into()),
        at: Some(at(31)),
    };
    entries.push(EntryKind::ApprovalCounted { sha: sha(1), approval });
    entries
}

/// An entry of every kind in schema 1.
fn one_of_each_in_schema_1() -> Vec<EntryKind> {
    let id: AttemptId = "7f3a9c".parse().unwrap();
    let word = EntryKind::Operator;
    let by = operator;
    let failed = RunRef { id: RunId::from(101), attempt: 1 };
    vec![
        EntryKind::Governed { name: name() },
        EntryKind::Recovered {
            attempts: vec![recovered("00000a", AttemptPhase::Closed(AttemptOutcome::Unconfirmed))],
            paused: Some("freeze".into()),
        },
        EntryKind::Identity { login: "governor[bot]".into() },
        EntryKind::MergeQueueSeen,
        EntryKind::Candidate { sha: Some(sha(1)) },
        EntryKind::Candidate { sha: None },
        decided(1),
        EntryKind::AttemptBegun { attempt: new_attempt("7f3a9c", 1) },
        EntryKind::AttemptMarked {
            id: id.clone(),
            mark: Mark { id: StatusId::from(5), at: at(18), target_url: None },
        },
        EntryKind::AttemptSending { id: id.clone() },
        EntryKind::AttemptAccepted { id: id.clone() },
        EntryKind::AttemptAbsent { id: id.clone() },
        EntryKind::RunSeen { run: run() },
        EntryKind::AttemptRun { id: id.clone(), run: RunId::from(101), late: false },
        EntryKind::AttemptClosed { id, outcome: AttemptOutcome::Failed(Conclusion::TimedOut) },
        EntryKind::AttemptAdopted { attempt: recovered("00000b", AttemptPhase::Sending) },
        word(OperatorAction::Approved {
            approval: Approval {
                sha: sha(2),
                deploy_file: Some("blob".into()),
                why: "looked at it".into(),
                by: by(),
            },
        }),
        word(OperatorAction::Resumed { by: by() }),
        word(OperatorAction::Paused { why: "incident".into(), by: by() }),
        word(OperatorAction::ProductionSet { sha: sha(3), why: "by hand".into(), by: by() }),
        word(OperatorAction::Triggered { sha: sha(4), by: by() }),
        EntryKind::RangeFailed { base: sha(1), head: sha(2), words: "502".into() },
        EntryKind::StatusWritten { sha: sha(1), status: status() },
        EntryKind::StatusRefused { sha: sha(2), words: "403".into(), retry_at: at(600) },
        EntryKind::StatusForged { sha: sha(1), by: Some("mallory".into()) },
        EntryKind::Issue(IssueStep::Intent { sha: sha(1), run: failed }),
        EntryKind::Issue(IssueStep::Written {
            sha: sha(1),
            run: failed,
            number: IssueNumber::from(12),
        }),
        EntryKind::Issue(IssueStep::RecoveryIntent { sha: sha(1) }),
        EntryKind::Issue(IssueStep::RecoveryWritten { sha: sha(1) }),
        EntryKind::Issue(IssueStep::Unavailable { words: "410".into() }),
    ]
}

fn what_comes_of(entries: &[EntryKind]) -> ReleaseState {
    let mut state = ReleaseState::default();
    for (second, kind) in (0..).zip(entries.iter().cloned()) {
        state.apply(&release_governor::domain::Entry { at: at(second), kind });
    }
    state
}

fn schema_in(dir: &Path) -> u64 {
    let db = Database::open(dir.join(FILE)).unwrap();
    let read = db.begin_read().unwrap();
    read.open_table(META).unwrap().get("schema").unwrap().unwrap().value()
}
