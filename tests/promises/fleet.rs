//! Many repositories under one governor that runs on its own for hours of simulated time:
//! within GitHub's limits, evenly, and each at its own interval whatever happens to another.

mod fairness;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ghbox::{
    APP_TEST_KEY, AutoProgress, Exchange, Fault, FaultOn, GhApp, GhBox, GhClock, Installed, Limits,
    NewApp, Repo, UserKind, story as stage,
};
use jiff::{SignedDuration, Timestamp};
use release_governor::bootstrap;
use release_governor::bootstrap::Dependencies;
use release_governor::clock::Clock;
use release_governor::config;
use release_governor::controller::Controller;
use release_governor::github::HttpService;
use release_governor::store::{MemoryDisk, Store};
use tokio::sync::watch;
use tokio::task::JoinSet;

const TOKEN: &str = "a-token-of-the-fleet";
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A fake GitHub, a configuration, and time that advances only while every task waits.
struct Fleet {
    github: GhBox,
    clock: Clock,
    directory: tempfile::TempDir,
    names: Vec<String>,
    repos: Vec<Repo>,
    app: Option<GhApp>,
    pace: u32,
    governing: JoinSet<()>,
    stop: watch::Sender<bool>,
    controller: Option<Controller>,
}

impl Fleet {
    fn new(pace: u32) -> Self {
        let start: Timestamp = "2026-11-02T09:00:00Z".parse().unwrap();
        let clock = Clock::of_paused_runtime(start, 1);
        let githubs = Clock::of_paused_runtime(start, 2);
        let github = GhBox::new(GhClock::following(Arc::new(move || githubs.now())));
        github.add_token(TOKEN, stage::GOVERNOR);
        github.set_limits(Limits { requests_per_hour: 1_000_000, ..Limits::default() });
        let sleeping = clock.clone();
        github.sleep_with(move |length| Box::pin(sleeping.sleep(length)));
        Self {
            github,
            clock,
            directory: tempfile::tempdir().unwrap(),
            names: Vec::new(),
            repos: Vec::new(),
            app: None,
            pace,
            governing: JoinSet::new(),
            stop: watch::channel(false).0,
            controller: None,
        }
    }

    /// Adds a repository with a commit in production. Its deploys take two minutes.
    fn repository(&mut self, name: &str) -> Repo {
        let repo = stage::repository(&self.github, name);
        repo.in_production();
        let takes = AutoProgress::new(Duration::from_secs(10), Duration::from_secs(110));
        repo.auto_progress(stage::DEPLOY, takes);
        self.names.push(name.to_owned());
        self.repos.push(repo.clone());
        repo
    }

    /// Uses an App instead of the token.
    fn with_an_app(&mut self) -> &GhApp {
        self.app.get_or_insert_with(|| self.github.register_app(NewApp::new("shipper")))
    }

    fn installed_at(&mut self, organization: &str) -> Installed {
        self.github.add_user(organization, UserKind::Organization);
        self.with_an_app().install(organization)
    }

    fn config(&self) -> config::Config {
        let credential = match &self.app {
            Some(app) => {
                let key = self.directory.path().join("key.pem");
                std::fs::write(&key, APP_TEST_KEY).unwrap();
                format!("app: {{app_id: {}, private_key_file: {}}}", app.id(), key.display())
            }
            None => "api_url: 'http://127.0.0.1:1'".to_owned(),
        };
        let names: String = self.names.iter().map(|name| format!("- {{name: {name}}}\n")).collect();
        let text = format!(
            "github:\n  max_requests_per_minute: {}\n  {credential}\n\
             state: {{dir: {}}}\nrepositories:\n{names}",
            self.pace,
            self.directory.path().join("state").display(),
        );
        let file = self.directory.path().join("governor.yaml");
        std::fs::write(&file, text).unwrap();
        let token = self.app.is_none().then(|| ("GITHUB_TOKEN".to_owned(), TOKEN.to_owned()));
        config::load(&file, token.into_iter()).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Starts the governor, which runs on its own from then on.
    fn start(&mut self) {
        let store = Store::in_memory_on(&MemoryDisk::new()).unwrap();
        let service = HttpService::new(self.github.service());
        let surroundings = Dependencies { service, clock: self.clock.clone(), store };
        let controller = bootstrap::controller(&self.config(), surroundings, true).unwrap();
        let (running, stop) = (controller.clone(), self.stop.subscribe());
        self.governing.spawn(async move { running.run(stop).await });
        self.controller = Some(controller);
    }

    /// Lets time pass. Returns the requests that GitHub received meanwhile.
    async fn asked_within(&self, time: Duration) -> Vec<Asked> {
        let mut asked = Vec::new();
        let until = self.clock.monotonic() + time;
        while self.clock.monotonic() < until {
            // The fake GitHub keeps only the newest requests.
            self.clock.sleep(MINUTE.min(until - self.clock.monotonic())).await;
            asked.extend(self.github.take_requests().iter().map(Asked::of));
        }
        asked
    }
}

/// A request.
struct Asked {
    at: Timestamp,
    path: String,
    is_write: bool,
    status: u16,
}

impl Asked {
    fn of(one: &Exchange) -> Self {
        let (path, is_write) = (one.path.clone(), one.is_write());
        Self { at: one.at, path, is_write, status: one.response_status }
    }
}

/// The maximum number of these that are within any window of this length.
fn most_within(window: Duration, times: &[Timestamp]) -> usize {
    let window = SignedDuration::try_from(window).unwrap();
    let mut most = 0;
    let mut first = 0;
    for (last, at) in times.iter().enumerate() {
        while at.duration_since(times[first]) >= window {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

fn times<'a>(requests: impl IntoIterator<Item = &'a Asked>) -> Vec<Timestamp> {
    requests.into_iter().map(|one| one.at).collect()
}

/// When each repository's deploy runs were read.
fn polls(requests: &[Asked], repos: &[Repo]) -> BTreeMap<String, Vec<Timestamp>> {
    let mut polls = BTreeMap::new();
    for repo in repos {
        let list = format!(
            "/repos/{}/actions/workflows/{}/runs?per_page=100",
            repo.full_name(),
            repo.workflow_id(stage::DEPLOY)
        );
        let of_it = requests.iter().filter(|one| one.path == list);
        polls.insert(repo.full_name(), times(of_it));
    }
    polls
}

/// The shortest and the longest time between two polls of a repository, in seconds.
fn between(polls: &BTreeMap<String, Vec<Timestamp>>) -> (i64, i64) {
    let gaps = polls
        .values()
        .flat_map(|times| times.windows(2).map(|two| two[1].duration_since(two[0]).as_secs()));
    let gaps: Vec<i64> = gaps.collect();
    (*gaps.iter().min().unwrap(), *gaps.iter().max().unwrap())
}

/// The range that contains four of five times between two polls, in seconds.
fn usual(polls: &BTreeMap<String, Vec<Timestamp>>) -> (i64, i64) {
    let mut gaps: Vec<i64> = polls
        .values()
        .flat_map(|times| times.windows(2).map(|two| two[1].duration_since(two[0]).as_secs()))
        .collect();
    gaps.sort_unstable();
    (gaps[gaps.len() / 10], gaps[gaps.len() * 9 / 10])
}

#[tokio::test(start_paused = true)]
async fn what_changes_seldom_is_read_every_ten_minutes_and_by_a_tenth_of_the_fleet_in_each() {
    let mut fleet = Fleet::new(700);
    for number in 0..50 {
        fleet.repository(&format!("acme/r{number}"));
    }
    fleet.start();
    fleet.asked_within(20 * MINUTE).await;
    let asked = fleet.asked_within(20 * MINUTE).await;
    let read =
        times(asked.iter().filter(|one| one.path.ends_with("/actions/workflows?per_page=100")));
    assert!((90..=110).contains(&read.len()), "{} times in twenty minutes", read.len());
    assert!(most_within(MINUTE, &read) <= 10, "{} in a minute", most_within(MINUTE, &read));
    let each = polls(&asked, &fleet.repos);
    let (shortest, longest) = between(&each);
    assert!(shortest >= 59 && longest <= 61, "polls {shortest} to {longest} s apart");
}

#[tokio::test(start_paused = true)]
async fn a_fleet_too_large_for_the_pace_keeps_to_it_in_every_minute_and_says_how_slow_it_is() {
    let mut fleet = Fleet::new(75);
    for number in 0..100 {
        fleet.repository(&format!("acme/r{number}"));
    }
    fleet.start();
    // The first passes and statuses take the first hour; in the second the fleet reaches a
    // steady state.
    let mut asked = fleet.asked_within(2 * HOUR).await;
    let settled = asked.len();
    asked.extend(fleet.asked_within(HOUR).await);
    let most = most_within(MINUTE, &times(&asked));
    assert!(most <= 75, "{most} requests in a minute");
    // Three requests each take four minutes; what is read every ten minutes doubles that.
    let each = polls(&asked[settled..], &fleet.repos);
    let counts = each.values().map(Vec::len);
    let (fewest, most) = (counts.clone().min().unwrap(), counts.max().unwrap());
    assert!(fewest >= 6 && most <= fewest + 2, "{fewest} to {most} polls in an hour");
    // Facts that are read every ten minutes are not read for all repositories in the same
    // round.
    let (short, long) = usual(&each);
    assert!(long * 2 <= short * 3, "four of five polls come {short} to {long} s after another");
    let controller = fleet.controller.as_ref().unwrap();
    let names = controller.repositories();
    let said = names.iter().map(|name| controller.snapshot(name).unwrap().interval);
    let said: Vec<u64> = said.map(|interval| interval.unwrap().as_secs()).collect();
    let (least, most) = (said.iter().min().unwrap(), said.iter().max().unwrap());
    assert!(*least >= 240 && *most <= 600, "said: {least} to {most} s");
    assert!(most - least <= most / 10, "said: {least} to {most} s");
}

#[tokio::test(start_paused = true)]
async fn the_first_day_of_three_hundred_repositories_stays_within_the_pace_of_writes() {
    let mut fleet = Fleet::new(700);
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for number in 0..300 {
        let repo = fleet.repository(&format!("acme/r{number}"));
        if number % 10 == 0 {
            low.push((repo.clone(), repo.verified(&["src/cart.rs"])));
        } else {
            high.push((repo.clone(), repo.verified(&["infra/dns.tf"])));
        }
    }
    fleet.start();
    // The last statuses wait until the first writes are an hour old.
    let asked = fleet.asked_within(Duration::from_secs(75 * 60)).await;
    let refused = asked.iter().filter(|one| matches!(one.status, 403 | 429));
    let refused: BTreeSet<&str> = refused.map(|one| one.path.as_str()).collect();
    assert_eq!(refused, BTreeSet::from(["/user"]), "no limit was ever met, and bots have no user");
    let writes: Vec<&Asked> = asked.iter().filter(|one| one.is_write).collect();
    let at = times(writes.iter().copied());
    assert!(most_within(MINUTE, &at) <= 60, "{} writes in a minute", most_within(MINUTE, &at));
    assert!(most_within(HOUR, &at) <= 400, "{} writes in an hour", most_within(HOUR, &at));
    assert_eq!(most_within(Duration::from_millis(990), &at), 1, "a second apart");

    for (repo, sha) in &low {
        assert_eq!(repo.dispatches_of(sha), 1, "{}", repo.full_name());
    }
    for (repo, sha) in &high {
        assert_eq!(repo.dispatches_of(sha), 0, "{}", repo.full_name());
        assert_eq!(repo.statuses(sha).len(), 1, "{} is told why", repo.full_name());
    }
    // Reads follow the rate limit; a dispatch does not wait for another repository's statuses.
    for (repo, _) in &low {
        let its = |one: &&Asked| one.path.contains(&format!("/{}/", repo.full_name()));
        let first = asked.iter().find(its).unwrap().at;
        let dispatch = asked.iter().filter(its).find(|one| one.path.ends_with("/dispatches"));
        let took = dispatch.unwrap().at.duration_since(first);
        assert!(took < SignedDuration::from_secs(90), "{} after {took:#}", repo.full_name());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_a_gone_organization_and_a_slow_repository_slow_nobody_else_down() {
    let mut fleet = Fleet::new(700);
    for owner in ["acme", "gone", "revoked", "slow"] {
        let installed = fleet.installed_at(owner);
        for number in 0..30 {
            fleet.repository(&format!("{owner}/r{number}"));
        }
        if owner == "revoked" {
            installed.suspend("ada");
        }
    }
    let all_of = |owner| FaultOn::any().of_owner(owner).always();
    fleet.github.fail(all_of("gone"), Fault::Status(404));
    fleet.github.fail(all_of("slow"), Fault::Delay(Duration::from_secs(30)));
    fleet.start();
    fleet.asked_within(Duration::from_secs(1_200)).await;
    let asked = fleet.asked_within(HOUR).await;
    let of = |owner: &str| {
        let its = |repo: &&Repo| repo.full_name().starts_with(owner);
        polls(&asked, &fleet.repos.iter().filter(its).cloned().collect::<Vec<Repo>>())
    };
    let (shortest, longest) = between(&of("acme/"));
    assert!(shortest >= 55 && longest <= 65, "polls {shortest} to {longest} s apart");
    assert!(of("acme/").values().all(|times| times.len() >= 58), "{:?}", of("acme/"));
    // A repository whose answers take half a minute each is still polled, if less often.
    let (_, longest) = between(&of("slow/"));
    assert!(longest <= 300, "polls {longest} s apart");
    for owner in ["gone", "revoked"] {
        let its = asked.iter().filter(|one| one.path.contains(&format!("/{owner}/"))).count();
        assert!(its <= 30 * 65, "{owner} was asked {its} times in an hour");
    }
}
