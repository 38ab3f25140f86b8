//! The brake: whatever stops releases takes effect immediately, even in the middle of a pass on
//! a GitHub that takes six seconds for each answer. No request that had not been sent by then
//! is sent afterwards.

use std::sync::Arc;
use std::time::Duration;

use ghbox::{AutoProgress, Fault, FaultId, FaultOn, GhBox, GhClock, Repo, story as stage};
use http::Request;
use jiff::{SignedDuration, Timestamp};
use octocrab::OctoBody;
use release_governor::bootstrap;
use release_governor::bootstrap::Dependencies;
use release_governor::clock::Clock;
use release_governor::config::{self, Config};
use release_governor::controller::{
    Controller, ControllerSettings, Intervals, NotDone, PauseAnswer, ResumedFrom,
};
use release_governor::domain::{AttemptPhase, Operator, RepoName};
use release_governor::github::HttpService;
use release_governor::store::{MemoryDisk, Store};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::story::Story;

const TOKEN: &str = "a-token-of-the-brake";
const SLOW: Duration = Duration::from_secs(6);
const SECOND: Duration = Duration::from_secs(1);
const A_WHILE: Duration = Duration::from_secs(8 * 60);

/// One repository at a fake GitHub, with time that advances only while every task waits.
struct Scene {
    github: GhBox,
    clock: Clock,
    repo: Repo,
    disk: MemoryDisk,
    directory: tempfile::TempDir,
    /// `github.max_requests_per_minute`; 0 means no limit.
    pace: u32,
    /// How long each request waits for its connection.
    connects_in: Duration,
    process: Option<Process>,
}

/// A governor that runs on its own.
struct Process {
    controller: Controller,
    store: Store,
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Scene {
    /// A repository with a commit in production, not governed yet.
    fn new() -> Self {
        let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let clock = Clock::of_paused_runtime(start, 1);
        let githubs = Clock::of_paused_runtime(start, 2);
        let github = GhBox::new(GhClock::following(Arc::new(move || githubs.now())));
        github.add_token(TOKEN, stage::GOVERNOR);
        let sleeping = clock.clone();
        github.sleep_with(move |length| Box::pin(sleeping.sleep(length)));
        let repo = stage::repository(&github, "acme/shop");
        repo.in_production();
        let takes = AutoProgress::new(Duration::from_secs(10), Duration::from_secs(110));
        repo.auto_progress(stage::DEPLOY, takes);
        let (disk, directory) = (MemoryDisk::new(), tempfile::tempdir().unwrap());
        Self {
            github,
            clock,
            repo,
            disk,
            directory,
            pace: 0,
            connects_in: Duration::ZERO,
            process: None,
        }
    }

    /// A configuration with these policy keys and top-level keys.
    fn config(&self, policy: &str, more: &str) -> Config {
        let text = format!(
            "github: {{max_requests_per_minute: {}, api_url: 'http://127.0.0.1:1'}}\n\
             state: {{dir: {}}}\nrepositories:\n- {{name: acme/shop{policy}}}\n{more}\n",
            self.pace,
            self.directory.path().join("state").display(),
        );
        let file = self.directory.path().join("governor.yaml");
        std::fs::write(&file, text).unwrap();
        let token = ("GITHUB_TOKEN".to_owned(), TOKEN.to_owned());
        config::load(&file, [token].into_iter()).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Starts a governor on the disk, which runs on its own from then on.
    fn start(&mut self) {
        let store = Store::in_memory_on(&self.disk).unwrap();
        let (github, connects_in) = (self.github.service(), self.connects_in);
        let clock = self.clock.clone();
        let connecting = clock.clone();
        let service = HttpService::new(tower::service_fn(move |request: Request<OctoBody>| {
            let (github, clock) = (github.clone(), connecting.clone());
            async move {
                clock.sleep(connects_in).await;
                github.oneshot(request).await
            }
        }));
        let surroundings = Dependencies { service, clock, store: store.clone() };
        let controller = bootstrap::controller(&self.config("", ""), surroundings, true).unwrap();
        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        let its = controller.clone();
        running.spawn(async move { its.run(stopped).await });
        self.process = Some(Process { controller, store, stop, running });
    }

    fn controller(&self) -> &Controller {
        &self.process.as_ref().expect("it runs").controller
    }

    /// Ends the process as SIGTERM does.
    async fn ends(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let began = self.clock.monotonic();
        process.stop.send(true).unwrap();
        while process.running.join_next().await.is_some() {}
        assert!(self.clock.monotonic() - began < 5 * SECOND);
        process.store.close().await.unwrap();
    }

    /// Kills the process. Unsynced writes are lost.
    fn dies(&mut self) {
        self.disk.crash(|_| false);
        self.process.take().expect("it runs").running.abort_all();
    }

    /// Reloads a changed configuration.
    fn reload(&self, policy: &str, more: &str) {
        let config = self.config(policy, more);
        let minute = Duration::from_secs(60);
        self.controller().govern_by(ControllerSettings {
            policies: config.repositories,
            intervals: Intervals { settled: minute, active: minute / 6 },
            max_concurrency: 4,
            config_digest: "another".to_owned(),
            public_url: None,
        });
    }

    async fn pauses(&self) -> Result<PauseAnswer, NotDone> {
        let began = self.clock.monotonic();
        let paused = self.controller().pause(&name(), "incident 42".into(), ada()).await;
        assert!(self.clock.monotonic() - began < SECOND, "it came back at once");
        paused
    }

    async fn waits(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    fn slow(&self) -> FaultId {
        self.github.fail(FaultOn::any().always(), Fault::Delay(SLOW))
    }

    /// Waits for the nth request from now on, whose answer is then in progress. Returns false
    /// if there is none.
    async fn nth_request(&self, nth: usize) -> bool {
        drop(self.github.take_requests());
        for _ in 0..600 {
            self.waits(SECOND).await;
            if self.github.requests().len() >= nth {
                return true;
            }
        }
        false
    }
}

fn name() -> RepoName {
    "acme/shop".parse().unwrap()
}

fn ada() -> Operator {
    Operator { peer: "uid 1000".into(), name: Some("ada".into()) }
}

/// What stops releases, and what lets them continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Pause,
    Config(&'static str),
    /// `freezes`.
    Freeze(&'static str),
    Sigterm,
}

/// Stops a commit that is about to ship on a slow GitHub, at the nth request of the pass.
/// Returns whether its dispatch had been sent.
async fn stopped_at(nth: usize, by: By, at_once: bool) -> bool {
    let mut scene = Scene::new();
    let sha = if at_once {
        // No pass has completed, so there is no ledger yet.
        let sha = scene.repo.verified(&["src/cart.rs"]);
        scene.slow();
        scene.start();
        sha
    } else {
        scene.start();
        scene.waits(Duration::from_secs(90)).await;
        let sha = scene.repo.verified(&["src/cart.rs"]);
        scene.slow();
        sha
    };
    assert!(scene.nth_request(nth).await, "{by:?}: there is a request {nth}");
    let had_left = scene.repo.dispatches_of(&sha);
    match by {
        By::Pause => {
            let left = scene.pauses().await.unwrap().left;
            let named: Vec<&str> = left.iter().map(|one| one.sha.as_str()).collect();
            let expected = if had_left == 1 { vec![sha.as_str()] } else { Vec::new() };
            assert_eq!(named, expected, "{nth}: what had left is named, and nothing else");
        }
        By::Config(policy) => scene.reload(policy, ""),
        By::Freeze(freezes) => scene.reload("", freezes),
        By::Sigterm => scene.ends().await,
    }
    scene.waits(A_WHILE).await;
    assert_eq!(scene.repo.dispatches_of(&sha), had_left, "{by:?} at request {nth}");
    match by {
        By::Pause => {
            if had_left == 0 {
                let said = scene.repo.statuses(&sha);
                let said = &said[0].description;
                assert!(said.contains("paused") && said.contains("incident 42"), "{nth}: {said}");
            }
            let resumed = scene.controller().resume(&name(), ada()).await.unwrap();
            assert_eq!(resumed.of, ResumedFrom::Pause { rollback: None });
        }
        By::Config(_) | By::Freeze(_) => scene.reload("", ""),
        By::Sigterm => scene.start(),
    }
    scene.waits(A_WHILE).await;
    assert_eq!(scene.repo.dispatches_of(&sha), 1, "{by:?} at request {nth}: it ships once");
    had_left == 1
}

/// Stops the release at every request of the pass, up to the first at which the dispatch has
/// been sent.
async fn stopped_at_every_request(by: By, at_once: bool) {
    let mut nth = 1;
    while !stopped_at(nth, by, at_once).await {
        nth += 1;
        assert!(nth < 80, "it never ships");
    }
    assert!(nth > 10, "a pass that ships takes more than {nth} requests");
    assert!(stopped_at(nth + 1, by, at_once).await);
}

#[tokio::test(start_paused = true)]
async fn a_pause_at_any_request_of_a_pass_comes_back_at_once_and_nothing_leaves_after_it() {
    stopped_at_every_request(By::Pause, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_at_any_request_of_the_first_pass_holds_where_there_is_no_ledger_yet() {
    stopped_at_every_request(By::Pause, true).await;
}

#[tokio::test(start_paused = true)]
async fn paused_in_the_configuration_stops_the_pass_that_is_under_way() {
    stopped_at_every_request(By::Config(", paused: freeze"), false).await;
}

#[tokio::test(start_paused = true)]
async fn a_freeze_that_covers_the_time_stops_the_pass_that_is_under_way() {
    let freeze =
        "freezes: [{name: audit, zone: UTC, from: 2026-11-02T00:00, to: 2026-11-03T00:00}]";
    stopped_at_every_request(By::Freeze(freeze), false).await;
}

#[tokio::test(start_paused = true)]
async fn a_release_ships_within_seconds_of_the_end_of_its_freeze() {
    let mut scene = Scene::new();
    let freeze =
        "freezes: [{name: audit, zone: UTC, from: 2026-11-02T00:00, to: 2026-11-02T09:30}]";
    scene.start();
    scene.reload("", freeze);
    let sha = scene.repo.verified(&["src/cart.rs"]);
    let end: Timestamp = "2026-11-02T09:30:00Z".parse().unwrap();
    scene.waits(Duration::try_from(end.duration_since(scene.clock.now())).unwrap()).await;
    assert_eq!(scene.repo.dispatches_of(&sha), 0);
    let said = &scene.repo.statuses(&sha)[0].description;
    assert!(said.contains("frozen: until Mon 2 Nov 09:30 UTC (freeze audit)"), "{said}");
    // The governor does not wait for its next poll. A fleet comes back within an active interval.
    scene.waits(Duration::from_secs(12)).await;
    assert_eq!(scene.repo.dispatches_of(&sha), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_is_disabled_stops_in_the_pass_that_is_under_way() {
    stopped_at_every_request(By::Config(", enabled: false"), false).await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_begins_in_the_pass_that_is_under_way() {
    stopped_at_every_request(By::Config(", dry_run: true"), false).await;
}

#[tokio::test(start_paused = true)]
async fn sigterm_at_any_request_sends_no_dispatch_any_more() {
    stopped_at_every_request(By::Sigterm, false).await;
}

/// Stops the issue about a failed deploy on a slow GitHub, at the nth request after the end of
/// the deploy. Returns whether the issue's request had been sent.
async fn issue_stopped_at(nth: usize, by: By) -> bool {
    let mut scene = Scene::new();
    let takes = AutoProgress::new(Duration::from_secs(10), Duration::from_secs(110));
    scene.repo.auto_progress(stage::DEPLOY, takes.conclusion("failure"));
    scene.start();
    scene.waits(Duration::from_secs(90)).await;
    let sha = scene.repo.verified(&["src/cart.rs"]);
    while scene.repo.dispatches_of(&sha) == 0 {
        scene.waits(SECOND).await;
    }
    scene.waits(Duration::from_secs(110)).await;
    scene.slow();
    assert!(scene.nth_request(nth).await, "{by:?}: there is a request {nth}");
    let asked = |scene: &Scene| {
        let requests = scene.github.requests();
        requests.iter().filter(|one| one.operation == Some("issues/create")).count()
    };
    let had_left = asked(&scene);
    match by {
        By::Pause | By::Freeze(_) => unreachable!("it stops no issue"),
        By::Config(policy) => scene.reload(policy, ""),
        By::Sigterm => scene.ends().await,
    }
    scene.waits(A_WHILE).await;
    assert_eq!(asked(&scene), had_left, "{by:?} at request {nth}: nothing is written after it");
    match by {
        By::Pause | By::Freeze(_) => unreachable!("it stops no issue"),
        By::Config(_) => scene.reload("", ""),
        By::Sigterm => scene.start(),
    }
    scene.waits(2 * A_WHILE).await;
    assert_eq!(scene.repo.issues().len(), 1, "{by:?} at request {nth}: it is opened once");
    had_left == 1
}

#[tokio::test(start_paused = true)]
async fn no_issue_is_opened_after_sigterm_nor_in_a_dry_run_and_it_is_opened_once_later() {
    for by in [By::Sigterm, By::Config(", dry_run: true")] {
        let mut nth = 1;
        while !issue_stopped_at(nth, by).await {
            nth += 1;
            assert!(nth < 80, "{by:?}: no issue is opened");
        }
        assert!(nth > 3, "{by:?}: the issue takes more than {nth} requests");
        assert!(issue_stopped_at(nth + 1, by).await);
    }
}

#[tokio::test(start_paused = true)]
async fn no_status_says_after_a_pause_or_its_end_what_was_decided_before() {
    for ends in [false, true] {
        let mut written = 0;
        for nth in 1.. {
            let mut scene = Scene::new();
            scene.start();
            scene.waits(Duration::from_secs(90)).await;
            if ends {
                scene.pauses().await.unwrap();
            }
            let sha = scene.repo.verified(&["infra/main.tf"]);
            scene.slow();
            if !scene.nth_request(nth).await || written > 1 {
                break;
            }
            let before = scene.repo.statuses(&sha).len();
            if ends {
                scene.controller().resume(&name(), ada()).await.unwrap();
            } else {
                scene.pauses().await.unwrap();
            }
            scene.waits(A_WHILE).await;
            let said = scene.repo.statuses(&sha);
            let later = &said[..said.len() - before];
            let expected = if ends { "high_risk_no_approval" } else { "paused" };
            assert_eq!(later.len(), 1, "{nth}: {later:?}");
            assert!(later[0].description.contains(expected), "{nth}: {later:?}");
            written += before;
        }
        assert!(written > 1, "some were stopped after the status had left");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_before_there_is_a_ledger_outlives_the_process() {
    for nth in [1, 2, 4] {
        let mut scene = Scene::new();
        let sha = scene.repo.verified(&["src/cart.rs"]);
        let slow = scene.slow();
        scene.start();
        assert!(scene.nth_request(nth).await);
        scene.pauses().await.unwrap();
        let snapshot = scene.controller().snapshot(&name()).unwrap();
        assert_eq!(snapshot.paused.as_deref(), Some("incident 42"), "it shows at once");
        scene.dies();
        scene.github.mend(slow);
        scene.start();
        scene.waits(A_WHILE).await;
        assert_eq!(scene.repo.dispatches_of(&sha), 0, "{nth}");
        scene.controller().resume(&name(), ada()).await.unwrap();
        scene.waits(A_WHILE).await;
        assert_eq!(scene.repo.dispatches_of(&sha), 1, "{nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resume_does_not_wait_for_a_pass_either() {
    let mut scene = Scene::new();
    scene.start();
    scene.waits(Duration::from_secs(90)).await;
    scene.pauses().await.unwrap();
    let sha = scene.repo.verified(&["src/cart.rs"]);
    scene.waits(A_WHILE).await;
    scene.slow();
    assert!(scene.nth_request(1).await, "a pass is under way");
    let began = scene.clock.monotonic();
    scene.controller().resume(&name(), ada()).await.unwrap();
    assert!(scene.clock.monotonic() - began < SECOND);
    let again = scene.controller().resume(&name(), ada()).await;
    assert!(matches!(again, Err(NotDone::NotStopped(_))), "{again:?}");
    scene.waits(A_WHILE).await;
    assert_eq!(scene.repo.dispatches_of(&sha), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_disk_does_not_take_holds_all_the_same_and_says_so() {
    let mut scene = Scene::new();
    scene.start();
    scene.waits(Duration::from_secs(90)).await;
    scene.disk.set_full(true);
    let failed = scene.pauses().await.unwrap_err();
    let NotDone::NotOnDisk { left, .. } = &failed else { panic!("{failed}") };
    assert!(left.is_empty() && failed.to_string().contains("not on disk"), "{failed}");
    scene.disk.set_full(false);
    let sha = scene.repo.verified(&["src/cart.rs"]);
    scene.waits(A_WHILE).await;
    assert_eq!(scene.repo.dispatches_of(&sha), 0);
    let resumed = scene.controller().resume(&name(), ada()).await.unwrap();
    assert_eq!(resumed.of, ResumedFrom::Pause { rollback: None });
    scene.waits(A_WHILE).await;
    assert_eq!(scene.repo.dispatches_of(&sha), 1);
}

/// Pauses a commit that is about to ship twice, after some seconds. Returns whether its request
/// was waiting then, and whether it had been sent.
async fn paused_twice_after(mut scene: Scene, seconds: u32) -> (bool, bool) {
    scene.start();
    scene.waits(Duration::from_secs(180)).await;
    let sha = scene.repo.verified(&["src/cart.rs"]);
    scene.waits(seconds * SECOND).await;
    let had_left = scene.repo.dispatches_of(&sha) == 1;
    let store = scene.process.as_ref().expect("it runs").store.clone();
    let repo = store.repo_id(&name()).await.unwrap().expect("it is known");
    let ledger = store.ledger(repo).await.unwrap();
    let is_sending =
        ledger.state().open_attempts().any(|attempt| attempt.phase == AttemptPhase::Sending);
    for which in ["first", "second"] {
        let left = scene.pauses().await.unwrap().left;
        let expected = usize::from(had_left);
        assert_eq!(left.len(), expected, "{which} pause after {seconds} s: {left:?}");
    }
    scene.waits(A_WHILE).await;
    assert_eq!(scene.repo.dispatches_of(&sha), usize::from(had_left), "after {seconds} s");
    (is_sending && !had_left, had_left)
}

/// Pauses the release after each number of seconds, until its request has been sent.
async fn paused_at_every_second(scene: impl Fn() -> Scene) {
    let (mut seconds, mut waited) = (0, false);
    loop {
        let (waits, had_left) = paused_twice_after(scene(), seconds).await;
        waited |= waits;
        if had_left {
            break;
        }
        seconds += 1;
        assert!(seconds < 600, "it never ships");
    }
    assert!(waited, "at no second was the attempt recorded as sending and its request not sent");
}

#[tokio::test(start_paused = true)]
async fn a_pause_does_not_name_as_sent_what_waits_for_its_turn() {
    paused_at_every_second(|| Scene { pace: 40, ..Scene::new() }).await;
}

#[tokio::test(start_paused = true)]
async fn a_dispatch_that_waits_for_its_connection_does_not_leave_after_a_pause() {
    paused_at_every_second(|| Scene { connects_in: SLOW, ..Scene::new() }).await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_names_the_run_of_what_is_in_flight() {
    let mut scene = Scene::new();
    scene.start();
    scene.waits(Duration::from_secs(90)).await;
    let sha = scene.repo.verified(&["src/cart.rs"]);
    scene.waits(Duration::from_secs(75)).await;
    let run = scene.repo.dispatches().last().unwrap().run_id;
    let left = scene.pauses().await.unwrap().left;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((left[0].sha.as_str(), left[0].run.unwrap().get()), (sha.as_str(), run));
    let url = left[0].url.as_deref().unwrap();
    assert!(url.ends_with(&format!("/acme/shop/actions/runs/{run}")), "{url}");
}

/// A manual rollback holds, and a command arrives at a machine whose clock is a day ahead.
fn a_day_ahead() -> (Story, String, String) {
    let mut shop = Story::repository("acme/shop");
    let a0 = shop.in_production();
    let a1 = shop.verified(&["src/cart.rs"]);
    shop.good_pass().deploy_ends(&a1, "success").good_pass();
    shop.deployed_by_hand(&a0, "success");
    shop.good_pass();
    shop.time.jump_wall(SignedDuration::from_hours(24));
    shop.restart();
    (shop, a0, a1)
}

#[test]
fn a_clock_that_is_a_day_ahead_does_not_undo_a_later_rollback() {
    let (mut shop, a0, a1) = a_day_ahead();
    shop.resumes().unwrap();
    shop.restart().good_pass();
    assert_eq!(shop.dispatches_of(&a1), 2, "the first rollback is lifted");
    shop.deploy_ends(&a1, "success").good_pass();
    shop.minutes_later(10).deployed_by_hand(&a0, "success");
    let a2 = shop.verified(&["src/till.rs"]);
    shop.good_pass().minutes_later(10).good_pass();
    assert_eq!(shop.verdict(&a2), "failure: HOLD SHA · LOW · rolled_back");
    assert_eq!(shop.dispatches_of(&a2), 0);
}

#[test]
fn without_githubs_time_nothing_is_released_and_a_pause_is_recorded_all_the_same() {
    let (mut shop, _, a1) = a_day_ahead();
    let gone = shop.github.fail(FaultOn::any().always(), Fault::RefuseConnection);
    let refused = shop.resumes().unwrap_err();
    assert!(matches!(refused, NotDone::TimeUnknown { .. }), "{refused}");
    assert!(refused.to_string().contains("the time cannot be known"), "{refused}");
    let paused = shop.pauses("incident 42").unwrap();
    assert!(!paused.time_is_known);
    shop.github.mend(gone);
    shop.restart().good_pass();
    assert_eq!(shop.release().pause.as_ref().unwrap().why, "incident 42");
    assert!(shop.release().pause.as_ref().unwrap().since < shop.time.wall());
    // Only the pause ends: the action is dated by GitHub's clock, and lifts no rollback.
    shop.resumes().unwrap();
    shop.good_pass();
    assert_eq!(shop.verdict(&a1), "failure: HOLD SHA · LOW · rolled_back");
}
