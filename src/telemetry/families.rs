//! The metric families, with their names and help texts.

use std::sync::atomic::AtomicI64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::calendar::CalendarMetrics;
use super::series::{
    Buckets, ByReason, ByRepository, ByResult, BySha, Counters, Durations, Fractions, Maker, Whole,
};
use crate::domain::RepoName;

mod github;

pub(super) use github::{ByCredential, GitHub, Request};

/// A settled pass takes three conditional requests; with a slow GitHub it takes minutes.
const PASS_BUCKETS: Buckets = Buckets(&[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0]);
/// A deploy takes from half a minute to several hours.
const DEPLOY_BUCKETS: Buckets =
    Buckets(&[30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0]);
/// From merge to production: minutes, or up to a week with holds.
const LEAD_BUCKETS: Buckets = Buckets(&[
    60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 259_200.0, 604_800.0,
]);

/// From the first failure to the next successful deploy: from minutes to a week.
const RESTORE_BUCKETS: Buckets = LEAD_BUCKETS;

pub(super) struct Repositories {
    pub(super) passes: Counters<ByResult>,
    pub(super) pass_duration: Durations,
    pub(super) last_good_pass: Whole<ByRepository>,
    pub(super) no_candidate: Whole<ByRepository>,
    pub(super) poll_interval: Fractions<ByRepository>,
    pub(super) decisions: Counters<ByReason>,
    pub(super) holds: Whole<ByReason>,
    pub(super) holds_since: Whole<ByReason>,
    pub(super) deploys: Counters<ByResult>,
    pub(super) deploy_duration: Durations,
    pub(super) lead_time: Durations,
    pub(super) deploy_overdue: Whole<ByRepository>,
    pub(super) failed_since_success: Whole<ByRepository>,
    pub(super) production: Whole<BySha>,
    pub(super) troubles: Troubles,
    pub(super) issues_unavailable: Whole<ByRepository>,
    pub(super) degraded: Whole<ByRepository>,
    pub(super) dry_run: Whole<ByRepository>,
    pub(super) calendar: CalendarMetrics,
    pub(super) time_to_restore: Durations,
    pub(super) dora: DoraMetrics,
}

/// Rare events that alerts are based on.
pub(super) struct Troubles {
    pub(super) forged_statuses: Counters<ByRepository>,
    pub(super) ambiguous_dispatches: Counters<ByRepository>,
    pub(super) late_runs: Counters<ByRepository>,
    pub(super) stray_runs: Counters<ByRepository>,
    pub(super) moved_deploy_files: Counters<ByRepository>,
    pub(super) status_budget_spent: Counters<ByRepository>,
    pub(super) repeated_requests: Counters<ByRepository>,
    pub(super) degraded_after_deploy: Counters<ByRepository>,
}

/// The four DORA metrics over the last thirty days. An unknown value has no series.
pub(super) struct DoraMetrics {
    pub(super) deploys_per_day: Fractions<ByRepository>,
    pub(super) lead_time: Fractions<ByRepository>,
    pub(super) change_failure_ratio: Fractions<ByRepository>,
    pub(super) time_to_restore: Fractions<ByRepository>,
}

/// Reloads of the configuration file, named as in Prometheus' own metrics.
pub(super) struct Configuration {
    pub(super) reloads: Family<ReloadMetrics, Counter>,
    pub(super) successful: Gauge<i64, AtomicI64>,
    pub(super) success_at: Gauge<i64, AtomicI64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReloadMetrics {
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct SignalResult {
    pub(super) signal: String,
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySignal {
    pub(super) signal: String,
}

/// Metrics of each signal, one series per configured signal.
pub(super) struct SignalFamilies {
    pub(super) readings: Family<SignalResult, Counter>,
    pub(super) last_reading: Family<BySignal, Gauge<i64, AtomicI64>>,
}

impl SignalFamilies {
    pub(super) fn new(make: &mut Maker) -> Self {
        let registry = &mut make.0;
        let readings = Family::<SignalResult, Counter>::default();
        registry.register(
            "signal_readings",
            "Readings of a production health signal, by result",
            readings.clone(),
        );
        let last_reading = Family::<BySignal, Gauge<i64, AtomicI64>>::default();
        registry.register(
            "signal_last_good_reading_timestamp_seconds",
            "When a production health signal was last read successfully",
            last_reading.clone(),
        );
        Self { readings, last_reading }
    }
}

impl Repositories {
    pub(super) fn new(make: &mut Maker) -> Self {
        Self {
            passes: make.counters("passes", "Passes over a repository, by result"),
            pass_duration: make.durations(
                "pass_duration_seconds",
                "How long a pass took",
                PASS_BUCKETS,
            ),
            last_good_pass: make.whole(
                "last_good_pass_timestamp_seconds",
                "When a pass last succeeded completely",
            ),
            no_candidate: make.whole("no_candidate", "1 while no commit is found to judge"),
            poll_interval: make.fractions(
                "effective_poll_interval_seconds",
                "Effective poll interval of a repository, including pacing and backoff",
            ),
            decisions: make.counters("decisions", "Decisions that changed, by their new reason"),
            holds: make.whole("holds", "1 for the reason that currently holds the candidate"),
            holds_since: make.whole(
                "holds_since_timestamp_seconds",
                "Since when releases are held without one being allowed, by the current reason",
            ),
            deploys: make.counters("deploys", "Deploys started by the governor that have ended, by result"),
            deploy_duration: make.durations(
                "deploy_duration_seconds",
                "How long a deploy run took",
                DEPLOY_BUCKETS,
            ),
            lead_time: make.durations(
                "lead_time_seconds",
                "Time from the merge of a commit, taken from its first verification run, to production",
                LEAD_BUCKETS,
            ),
            deploy_overdue: make.whole(
                "deploy_overdue",
                "1 while a deploy runs for longer than deploy_timeout_minutes",
            ),
            failed_since_success: make.whole(
                "deploys_failed_since_success",
                "Deploys that failed since production last moved, whoever started them",
            ),
            production: make
                .whole("production_info", "1, labelled with the commit that runs in production"),
            troubles: Troubles::new(make),
            dry_run: make.whole(
                "dry_run",
                "1 while the governor deploys nothing in the repository: a dry run, or not enabled",
            ),
            calendar: CalendarMetrics::new(make),
            issues_unavailable: make.whole("issues_unavailable", "1 while issues are disabled"),
            degraded: make.whole("degraded", "1 while production is degraded, 0 while it is not"),
            time_to_restore: make.durations(
                "time_to_restore_seconds",
                "Time from the first failed or rolled back deploy to the next successful one",
                RESTORE_BUCKETS,
            ),
            dora: DoraMetrics::new(make),
        }
    }

    pub(super) fn forget(&self, repository: &RepoName) {
        self.passes.forget(repository);
        self.pass_duration.forget(repository);
        self.last_good_pass.forget(repository);
        self.no_candidate.forget(repository);
        self.poll_interval.forget(repository);
        self.decisions.forget(repository);
        self.holds.forget(repository);
        self.holds_since.forget(repository);
        self.deploys.forget(repository);
        self.deploy_duration.forget(repository);
        self.lead_time.forget(repository);
        self.deploy_overdue.forget(repository);
        self.failed_since_success.forget(repository);
        self.production.forget(repository);
        self.issues_unavailable.forget(repository);
        self.dry_run.forget(repository);
        self.calendar.forget(repository);
        self.degraded.forget(repository);
        self.troubles.all().iter().for_each(|counters| counters.forget(repository));
        self.time_to_restore.forget(repository);
        self.dora.forget(repository);
    }
}

impl Troubles {
    fn new(make: &mut Maker) -> Self {
        Self {
            degraded_after_deploy: make.counters(
                "degraded_after_deploy",
                "Deploys after which production turned degraded",
            ),
            forged_statuses: make
                .counters("forged_statuses", "Statuses written under our context by someone else"),
            ambiguous_dispatches: make
                .counters("ambiguous_dispatches", "Dispatches whose response was lost"),
            late_runs: make
                .counters("late_runs", "Runs that appeared after their attempt had been closed"),
            stray_runs: make.counters(
                "stray_runs",
                "Runs of the deploy workflow with a branch's name whose commit was never on that branch",
            ),
            moved_deploy_files: make.counters(
                "moved_deploy_files",
                "Runs that used deploy files other than those that were judged",
            ),
            status_budget_spent: make
                .counters("status_budget_spent", "Commits that used up their statuses"),
            repeated_requests: make.counters(
                "repeated_requests",
                "Requests repeated because the store had evicted what it kept",
            ),
        }
    }

    pub(super) const fn all(&self) -> [&Counters<ByRepository>; 8] {
        [
            &self.degraded_after_deploy,
            &self.forged_statuses,
            &self.ambiguous_dispatches,
            &self.late_runs,
            &self.stray_runs,
            &self.moved_deploy_files,
            &self.status_budget_spent,
            &self.repeated_requests,
        ]
    }
}

impl DoraMetrics {
    fn new(make: &mut Maker) -> Self {
        Self {
            deploys_per_day: make.fractions(
                "dora_deploys_per_day",
                "Deploys of new commits that succeeded in the last 30 days, per day",
            ),
            lead_time: make.fractions(
                "dora_lead_time_seconds",
                "Median time from merge to production over the last 30 days",
            ),
            change_failure_ratio: make.fractions(
                "dora_change_failure_ratio",
                "Share of the last 30 days' deploys that failed or were rolled back",
            ),
            time_to_restore: make.fractions(
                "dora_time_to_restore_seconds",
                "Median time from a failure to the next successful deploy over the last 30 days",
            ),
        }
    }

    fn forget(&self, repository: &RepoName) {
        self.deploys_per_day.forget(repository);
        self.lead_time.forget(repository);
        self.change_failure_ratio.forget(repository);
        self.time_to_restore.forget(repository);
    }
}

impl Configuration {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let these = Self {
            reloads: Family::default(),
            successful: Gauge::default(),
            success_at: Gauge::default(),
        };
        registry.register(
            "config_reloads",
            "Changes of the configuration file, by result",
            these.reloads.clone(),
        );
        registry.register(
            "config_last_reload_successful",
            "1 while the file is what is in force, 0 while its last change is refused",
            these.successful.clone(),
        );
        registry.register(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in force was taken",
            these.success_at.clone(),
        );
        these
    }
}
