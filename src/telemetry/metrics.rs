//! The metrics of the process: one typed method for each event. The metric families are
//! private.

use std::sync::PoisonError;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::families::{
    ByCredential, Configuration, GitHub, ReloadMetrics, Repositories, Request, SignalFamilies,
};
use super::series::{Maker, exposition, observe};
use crate::domain::{AttemptOutcome, Dora, Reason, RepoName, Sha};

/// The result of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassResult {
    /// It read everything it needed and did everything that was due.
    Ok,
    Failed,
}

impl PassResult {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    revision: &'static str,
}

/// The commit that was built, if the build provides it.
const REVISION: &str = match option_env!("RELEASE_GOVERNOR_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    process: Registry,
    pub(super) repositories: Repositories,
    github: GitHub,
    pub(super) signals: SignalFamilies,
    configuration: Configuration,
    started: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Creates the metrics, all at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut maker = Maker(Registry::with_prefix("release_governor"));
        let repositories = Repositories::new(&mut maker);
        let github = GitHub::new(&mut maker);
        let signals = SignalFamilies::new(&mut maker);
        let registry = &mut maker.0;
        let configuration = Configuration::new(registry);
        let build = Family::<Build, Gauge>::default();
        registry.register("build_info", "1, labelled with what was built", build.clone());
        let built = Build { version: env!("CARGO_PKG_VERSION"), revision: REVISION };
        build.get_or_create_owned(&built).set(1);
        let started = Gauge::default();
        registry.register("start_timestamp_seconds", "When this process began", started.clone());
        let process = super::process::registry();
        Self { registry: maker.0, process, repositories, github, signals, configuration, started }
    }

    /// All metrics in the Prometheus text format ([`super::CONTENT_TYPE`]).
    #[must_use]
    pub fn encode(&self) -> String {
        exposition(&self.registry) + &exposition(&self.process)
    }

    /// Sets the time when the process started to govern.
    pub fn started(&self, at: Timestamp) {
        self.started.set(at.as_second());
    }

    /// Records a finished pass.
    pub fn pass(&self, repository: &RepoName, result: PassResult, took: Duration) {
        self.repositories.passes.of(repository, result.as_str()).inc();
        observe(&self.repositories.pass_duration, repository, took);
    }

    /// Sets the time of the last successful pass.
    pub fn good_pass(&self, repository: &RepoName, at: Timestamp) {
        self.repositories.last_good_pass.of(repository, "").set(at.as_second());
    }

    /// Sets whether a pass found no commit to judge, or no verified one.
    pub fn no_candidate(&self, repository: &RepoName, is_missing: bool) {
        self.repositories.no_candidate.of(repository, "").set(i64::from(is_missing));
    }

    /// Sets the current poll interval of a repository.
    pub fn poll_interval(&self, repository: &RepoName, interval: Duration) {
        self.repositories.poll_interval.of(repository, "").set(interval.as_secs_f64());
    }

    /// Counts a changed decision, by its new reason.
    pub fn decided(&self, repository: &RepoName, reason: Reason) {
        self.repositories.decisions.of(repository, reason.code()).inc();
    }

    /// Sets the reason that the candidate is held for, if any, and since when releases are
    /// held.
    pub fn holding(&self, repository: &RepoName, held: Option<(Reason, Timestamp)>) {
        let these = &self.repositories;
        if let Some((reason, since)) = held {
            these.holds_since.only(repository, reason.code()).set(since.as_second());
            these.holds.only(repository, reason.code()).set(1);
        } else {
            these.holds.forget(repository);
            these.holds_since.forget(repository);
        }
    }

    /// Counts the outcome of one of our deploys, and records the duration of its run, if it had
    /// one.
    pub fn deploy(&self, repository: &RepoName, outcome: &AttemptOutcome, took: Option<Duration>) {
        self.repositories.deploys.of(repository, deploy_result(outcome)).inc();
        if let Some(took) = took {
            observe(&self.repositories.deploy_duration, repository, took);
        }
    }

    /// Records the time from merge to production of a commit.
    pub fn lead_time(&self, repository: &RepoName, took: Duration) {
        observe(&self.repositories.lead_time, repository, took);
    }

    /// Records the time from the first failure to recovery.
    pub fn restored(&self, repository: &RepoName, took: Duration) {
        observe(&self.repositories.time_to_restore, repository, took);
    }

    /// Sets the four current DORA metrics of a repository. An unknown value has no series.
    pub fn dora(&self, repository: &RepoName, dora: &Dora) {
        let these = &self.repositories.dora;
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        for (gauge, value) in [
            (&these.deploys_per_day, Some(dora.deploys_per_day)),
            (&these.lead_time, seconds(dora.lead_time)),
            (&these.change_failure_ratio, dora.change_failure_ratio),
            (&these.time_to_restore, seconds(dora.time_to_restore)),
        ] {
            match value {
                Some(value) => drop(gauge.of(repository, "").set(value)),
                None => gauge.forget(repository),
            }
        }
    }

    /// Sets whether a deploy runs longer than its policy allows.
    pub fn deploy_overdue(&self, repository: &RepoName, overdue: bool) {
        self.repositories.deploy_overdue.of(repository, "").set(i64::from(overdue));
    }

    /// Sets the number of failed deploys since production last moved.
    pub fn failed_since_success(&self, repository: &RepoName, deploys: usize) {
        let deploys = i64::try_from(deploys).unwrap_or(i64::MAX);
        self.repositories.failed_since_success.of(repository, "").set(deploys);
    }

    /// Sets the commit in production, if it is certain.
    pub fn production(&self, repository: &RepoName, sha: Option<&Sha>) {
        let production = &self.repositories.production;
        if let Some(sha) = sha {
            production.only(repository, sha.as_str().to_owned()).set(1);
        } else {
            production.forget(repository);
        }
    }

    /// Counts a status under our context that was written by somebody else.
    pub fn forged_status(&self, repository: &RepoName) {
        self.repositories.troubles.forged_statuses.of(repository, "").inc();
    }

    /// Counts a dispatch whose answer was lost.
    pub fn ambiguous_dispatch(&self, repository: &RepoName) {
        self.repositories.troubles.ambiguous_dispatches.of(repository, "").inc();
    }

    /// Counts a run that appeared after its attempt was closed.
    pub fn late_run(&self, repository: &RepoName) {
        self.repositories.troubles.late_runs.of(repository, "").inc();
    }

    /// Counts a stray run: its `head_branch` is our branch, but its commit was never on it.
    pub fn stray_run(&self, repository: &RepoName) {
        self.repositories.troubles.stray_runs.of(repository, "").inc();
    }

    /// Counts a run that used deploy files other than those that were judged.
    pub fn moved_deploy_files(&self, repository: &RepoName) {
        self.repositories.troubles.moved_deploy_files.of(repository, "").inc();
    }

    /// Counts a commit whose budget of statuses is spent.
    pub fn status_budget_spent(&self, repository: &RepoName) {
        self.repositories.troubles.status_budget_spent.of(repository, "").inc();
    }

    /// Counts requests that were repeated because their cached answer had been evicted.
    pub fn repeated_requests(&self, repository: &RepoName, requests: u32) {
        self.repositories.troubles.repeated_requests.of(repository, "").inc_by(requests.into());
    }

    /// Sets whether issues are disabled in a repository.
    pub fn issues_unavailable(&self, repository: &RepoName, unavailable: bool) {
        self.repositories.issues_unavailable.of(repository, "").set(i64::from(unavailable));
    }

    /// Sets whether a repository is in dry-run mode: nothing is deployed, whatever is decided.
    pub fn dry_run(&self, repository: &RepoName, dry: bool) {
        self.repositories.dry_run.of(repository, "").set(i64::from(dry));
    }

    /// Initializes the series of a newly governed repository: counters with alerts are 0, not
    /// absent.
    pub fn govern(&self, repository: &RepoName) {
        let these = &self.repositories;
        for counters in these.troubles.all() {
            counters.of(repository, "").inc_by(0);
        }
        for result in [PassResult::Ok, PassResult::Failed] {
            these.passes.of(repository, result.as_str()).inc_by(0);
        }
        for result in DEPLOY_RESULTS {
            these.deploys.of(repository, result).inc_by(0);
        }
        for gauges in [&these.deploy_overdue, &these.issues_unavailable] {
            gauges.of(repository, "").inc_by(0);
        }
    }

    /// Removes all series of a repository that is no longer governed.
    pub fn forget(&self, repository: &RepoName) {
        self.repositories.forget(repository);
    }

    /// Sets the time since which the configuration is in force, before any reload.
    pub fn config_in_force(&self, at: Timestamp) {
        self.configuration.successful.set(1);
        self.configuration.success_at.set(at.as_second());
        for result in [TAKEN, REFUSED] {
            self.configuration.reloads.get_or_create_owned(&ReloadMetrics { result }).inc_by(0);
        }
    }

    /// Counts a successful reload of the configuration file.
    pub fn config_taken(&self, at: Timestamp) {
        self.config_in_force(at);
        self.configuration.reloads.get_or_create_owned(&ReloadMetrics { result: TAKEN }).inc();
    }

    /// Counts a failed reload of the configuration file.
    pub fn config_refused(&self) {
        self.configuration.successful.set(0);
        self.configuration.reloads.get_or_create_owned(&ReloadMetrics { result: REFUSED }).inc();
    }

    /// Counts a finished request to GitHub, by its HTTP status or a word for the failure.
    pub fn github_request(&self, operation: &'static str, status: &str) {
        let labels = Request { operation, status: status.to_owned() };
        self.github.requests.get_or_create_owned(&labels).inc();
        let mut counts = self.github.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (answers, unchanged) = &mut *counts;
        match status {
            "200" => *answers += 1.0,
            "304" => {
                *answers += 1.0;
                *unchanged += 1.0;
            }
            _ => return,
        }
        self.github.not_modified.set(*unchanged / *answers);
    }

    /// Sets the primary rate limit of a credential, as far as GitHub reports it.
    pub fn api_limit(
        &self,
        credential: &str,
        remaining: Option<u64>,
        limit: Option<u64>,
        reset: Option<Timestamp>,
    ) {
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let these = &self.github.credentials;
        set(&these.remaining, credential, remaining.map(whole));
        set(&these.limit, credential, limit.map(whole));
        set(&these.reset, credential, reset.map(Timestamp::as_second));
    }

    /// Sets the time until which GitHub told us to wait.
    pub fn told_to_wait(&self, credential: &str, until: Timestamp) {
        set(&self.github.credentials.told_to_wait, credential, Some(until.as_second()));
    }

    /// Removes all series of a credential that is no longer used.
    pub fn forget_credential(&self, credential: &str) {
        self.github.credentials.forget(credential);
    }

    /// Sets whether GitHub accepts a credential.
    pub fn token_accepted(&self, credential: &str, accepted: bool) {
        set(&self.github.credentials.token_accepted, credential, Some(i64::from(accepted)));
        let refusals = &self.github.credentials.token_refusals;
        refusals.get_or_create_owned(&by(credential)).inc_by(0);
    }

    /// Counts a refused credential.
    pub fn token_refused(&self, credential: &str) {
        self.token_accepted(credential, false);
        self.github.credentials.token_refusals.get_or_create_owned(&by(credential)).inc();
    }

    /// Sets how far the system clock is ahead of GitHub's.
    pub fn clock_difference(&self, difference: SignedDuration) {
        self.github.clock_difference.set(difference.as_secs_f64());
    }

    /// Sets the expiration time of the token, if GitHub reports it.
    pub fn token_expires(&self, credential: &str, at: Option<Timestamp>) {
        let expiry = &self.github.credentials.token_expiry;
        if at.is_none() {
            expiry.remove(&by(credential));
        }
        set(expiry, credential, at.map(Timestamp::as_second));
    }
}

const TAKEN: &str = "taken";
const REFUSED: &str = "refused";

fn by(credential: &str) -> ByCredential {
    ByCredential { credential: credential.to_owned() }
}

/// Sets a known value. An unknown one gets no series, so that no alert mistakes it for 0.
fn set(family: &Family<ByCredential, Gauge>, credential: &str, value: Option<i64>) {
    if let Some(value) = value {
        family.get_or_create_owned(&by(credential)).set(value);
    }
}

/// All values of [`deploy_result`].
const DEPLOY_RESULTS: [&str; 9] = [
    "succeeded",
    "failed",
    "superseded",
    "run_deleted",
    "rejected",
    "not_sent",
    "not_started",
    "unconfirmed",
    "withdrawn",
];

/// The label value: a stable word, never the text of an error.
const fn deploy_result(outcome: &AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Withdrawn(_) => "withdrawn",
        AttemptOutcome::Rejected(_) => "rejected",
        AttemptOutcome::NotSent(_) => "not_sent",
        AttemptOutcome::NotStarted => "not_started",
        AttemptOutcome::Unconfirmed => "unconfirmed",
        AttemptOutcome::Succeeded => "succeeded",
        AttemptOutcome::Failed(_) => "failed",
        AttemptOutcome::Superseded => "superseded",
        AttemptOutcome::RunDeleted => "run_deleted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> RepoName {
        "acme/shop".parse().unwrap()
    }

    fn noon() -> Timestamp {
        Timestamp::from_second(1_793_534_400).unwrap()
    }

    fn busy() -> Metrics {
        let metrics = Metrics::new();
        let sha: Sha = "1a".repeat(20).parse().unwrap();
        metrics.pass(&shop(), PassResult::Ok, Duration::from_millis(300));
        metrics.good_pass(&shop(), noon());
        metrics.poll_interval(&shop(), Duration::from_secs(60));
        metrics.decided(&shop(), Reason::Cooldown);
        metrics.started(noon());
        metrics.holding(&shop(), Some((Reason::Cooldown, noon())));
        metrics.failed_since_success(&shop(), 2);
        metrics.dry_run(&shop(), true);
        metrics.deploy(&shop(), &AttemptOutcome::Succeeded, Some(Duration::from_secs(90)));
        metrics.lead_time(&shop(), Duration::from_secs(600));
        metrics.deploy_overdue(&shop(), false);
        metrics.production(&shop(), Some(&sha));
        metrics.forged_status(&shop());
        metrics.ambiguous_dispatch(&shop());
        metrics.late_run(&shop());
        metrics.status_budget_spent(&shop());
        metrics.issues_unavailable(&shop(), true);
        metrics.config_taken(Timestamp::from_second(1_793_534_400).unwrap());
        metrics.config_refused();
        metrics.restored(&shop(), Duration::from_secs(900));
        metrics.dora(&shop(), &Dora { deploys_per_day: 0.5, ..Dora::default() });
        metrics.github_request("list_runs", "200");
        metrics.github_request("list_runs", "304");
        metrics.github_request("create_dispatch", "204");
        metrics
    }

    #[test]
    fn every_family_has_help_and_follows_prometheus_naming_rules() {
        let text = busy().encode();
        let mut types = std::collections::BTreeMap::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            let is_ours = name.starts_with("release_governor_") || name.starts_with("process_");
            assert!(is_ours, "{name}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no HELP");
            assert!(types.insert(name, kind).is_none(), "{name} twice");
        }
        for sample in text.lines().filter(|line| !line.starts_with('#')) {
            let name = sample.split(['{', ' ']).next().unwrap();
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|name| types.contains_key(name)))
                .unwrap_or(name);
            assert!(types.contains_key(family), "{name} has no TYPE");
        }
        assert!(text.contains("# TYPE release_governor_late_runs_total counter\n"));
        assert!(text.contains("release_governor_late_runs_total{repository=\"acme/shop\"} 1\n"));
        assert!(text.contains("release_governor_github_not_modified_ratio 0.5\n"));
    }

    #[test]
    fn a_hold_that_changes_its_reason_is_counted_once() {
        let metrics = busy();
        metrics.holding(&shop(), Some((Reason::Paused, noon())));
        let holds = || -> Vec<String> {
            let text = metrics.encode();
            text.lines()
                .filter_map(|line| line.strip_prefix("release_governor_holds"))
                .map(str::to_owned)
                .collect()
        };
        let since =
            r#"_since_timestamp_seconds{repository="acme/shop",reason="paused"} 1793534400"#;
        assert_eq!(holds(), [r#"{repository="acme/shop",reason="paused"} 1"#, since]);
        metrics.holding(&shop(), None);
        assert_eq!(holds(), [""; 0]);
    }

    #[test]
    fn production_is_one_commit_at_a_time() {
        let metrics = busy();
        let sha: Sha = "2b".repeat(20).parse().unwrap();
        metrics.production(&shop(), Some(&sha));
        let text = metrics.encode();
        assert_eq!(text.matches("production_info{").count(), 1, "{text}");
        assert!(text.contains(&format!("sha=\"{sha}\"}} 1")), "{text}");
        metrics.production(&shop(), None);
        assert!(!metrics.encode().contains("production_info{"));
    }

    #[test]
    fn what_is_alerted_on_is_there_before_it_happens() {
        let metrics = Metrics::new();
        metrics.govern(&shop());
        metrics.late_run(&shop());
        metrics.govern(&shop());
        let text = metrics.encode();
        assert!(text.contains("late_runs_total{repository=\"acme/shop\"} 1\n"), "{text}");
        for series in [
            "forged_statuses_total{repository=\"acme/shop\"}",
            "passes_total{repository=\"acme/shop\",result=\"ok\"}",
            "deploys_total{repository=\"acme/shop\",result=\"failed\"}",
        ] {
            assert!(text.contains(&format!("release_governor_{series} 0\n")), "{series}\n{text}");
        }
    }

    #[test]
    fn every_outcome_of_a_deploy_is_there_before_it_happens() {
        let metrics = Metrics::new();
        metrics.govern(&shop());
        let series = || metrics.encode().matches("deploys_total{").count();
        let before = series();
        let words = || "words".to_owned();
        for outcome in [
            AttemptOutcome::Withdrawn(words()),
            AttemptOutcome::Rejected(words()),
            AttemptOutcome::NotSent(words()),
            AttemptOutcome::NotStarted,
            AttemptOutcome::Unconfirmed,
            AttemptOutcome::Succeeded,
            AttemptOutcome::Failed(crate::domain::Conclusion::Failure),
            AttemptOutcome::Superseded,
            AttemptOutcome::RunDeleted,
        ] {
            metrics.deploy(&shop(), &outcome, None);
        }
        assert_eq!(series(), before);
    }

    #[test]
    fn a_repository_that_leaves_takes_its_series_along() {
        let metrics = busy();
        metrics.forget(&"Acme/Shop".parse().unwrap());
        assert!(!metrics.encode().contains("acme/shop"), "{}", metrics.encode());
    }
}
