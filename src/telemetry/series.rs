//! The kinds of metric series, and their exposition.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::RepoName;

/// The media type of the metrics.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Labels: repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByRepository {
    repository: RepoName,
}

/// Labels: repository and result.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByResult {
    repository: RepoName,
    result: Second,
}

/// Labels: repository and reason code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByReason {
    repository: RepoName,
    reason: Second,
}

/// Labels: repository and commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySha {
    repository: RepoName,
    sha: Second,
}

/// The value of the second label; empty if there is only one label.
pub(super) type Second = Cow<'static, str>;

impl EncodeLabelValue for RepoName {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// Labels of which the first is the repository. Repository names are compared
/// case-insensitively, as GitHub does; the spelling that was seen first is kept.
pub(super) trait Labels:
    EncodeLabelSet + Clone + Eq + std::hash::Hash + Send + Sync + fmt::Debug + 'static
{
    /// Creates labels with these values.
    fn of(repository: &RepoName, second: Second) -> Self;
}

impl Labels for ByRepository {
    fn of(repository: &RepoName, _: Second) -> Self {
        Self { repository: repository.clone() }
    }
}

impl Labels for ByResult {
    fn of(repository: &RepoName, result: Second) -> Self {
        Self { repository: repository.clone(), result }
    }
}

impl Labels for ByReason {
    fn of(repository: &RepoName, reason: Second) -> Self {
        Self { repository: repository.clone(), reason }
    }
}

impl Labels for BySha {
    fn of(repository: &RepoName, sha: Second) -> Self {
        Self { repository: repository.clone(), sha }
    }
}

/// A metric family that tracks the series of each repository, so that they can be removed with
/// it.
pub(super) struct Series<L, M, C = fn() -> M> {
    family: Family<L, M, C>,
    /// The second label values of each repository, in families with two labels.
    seconds: Mutex<BTreeMap<RepoName, Vec<Second>>>,
}

pub(super) type Counters<L> = Series<L, Counter>;
pub(super) type Whole<L> = Series<L, Gauge<i64, AtomicI64>>;
pub(super) type Fractions<L> = Series<L, Gauge<f64, AtomicU64>>;
pub(super) type Durations = Series<ByRepository, Histogram, Buckets>;

/// The upper bounds of a histogram's buckets, in seconds.
#[derive(Clone, Copy)]
pub(super) struct Buckets(pub(super) &'static [f64]);

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl<L: Labels, M: Clone, C: MetricConstructor<M>> Series<L, M, C> {
    fn over(family: Family<L, M, C>) -> Self {
        Self { family, seconds: Mutex::default() }
    }

    /// The series of `repository` with the second label `second`, if the family has one.
    pub(super) fn of(&self, repository: &RepoName, second: impl Into<Second>) -> M {
        let second = second.into();
        if !second.is_empty() {
            let mut seconds = self.seconds();
            let its = seconds.entry(repository.clone()).or_default();
            if !its.contains(&second) {
                its.push(second.clone());
            }
        }
        self.family.get_or_create_owned(&L::of(repository, second))
    }

    /// The series of `repository` with the second label `second`, after removing all others of
    /// that repository. An existing series stays present throughout, so a concurrent scrape
    /// does not miss it.
    pub(super) fn only(&self, repository: &RepoName, second: impl Into<Second>) -> M {
        let second = second.into();
        let series = self.of(repository, second.clone());
        let its = self.seconds().insert(repository.clone(), vec![second.clone()]);
        for other in its.into_iter().flatten().filter(|other| *other != second) {
            self.family.remove(&L::of(repository, other));
        }
        series
    }

    /// Removes all series of `repository`.
    pub(super) fn forget(&self, repository: &RepoName) {
        let its = self.seconds().remove(repository).unwrap_or_else(|| vec![Second::default()]);
        for second in its {
            self.family.remove(&L::of(repository, second));
        }
    }

    fn seconds(&self) -> MutexGuard<'_, BTreeMap<RepoName, Vec<Second>>> {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates and registers metric families.
pub(super) struct Maker(pub(super) Registry);

impl Maker {
    pub(super) fn counters<L: Labels>(&mut self, name: &str, help: &str) -> Counters<L> {
        let family = Family::<L, Counter>::default();
        self.0.register(name, help, family.clone());
        Series::over(family)
    }

    pub(super) fn whole<L: Labels>(&mut self, name: &str, help: &str) -> Whole<L> {
        let family = Family::<L, Gauge<i64, AtomicI64>>::default();
        self.0.register(name, help, family.clone());
        Series::over(family)
    }

    pub(super) fn fractions<L: Labels>(&mut self, name: &str, help: &str) -> Fractions<L> {
        let family = Family::<L, Gauge<f64, AtomicU64>>::default();
        self.0.register(name, help, family.clone());
        Series::over(family)
    }

    pub(super) fn durations(&mut self, name: &str, help: &str, buckets: Buckets) -> Durations {
        let family = Family::new_with_constructor(buckets);
        self.0.register(name, help, family.clone());
        Series::over(family)
    }
}

/// Records a duration, in seconds.
pub(super) fn observe(series: &Durations, repository: &RepoName, took: Duration) {
    series.of(repository, "").observe(took.as_secs_f64());
}

/// All metrics in the text format that every Prometheus version and `promtool` reads. The
/// library writes OpenMetrics, which omits the `_total` of counters in HELP and TYPE.
pub(super) fn exposition(registry: &Registry) -> String {
    let mut open = String::new();
    if text::encode_registry(&mut open, registry).is_err() {
        tracing::error!("the metrics could not be written down");
        return String::new();
    }
    let mut lines = String::with_capacity(open.len());
    let mut help: Option<(&str, &str)> = None;
    for line in open.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            if let Some((_, words)) = help.take() {
                lines.push_str(&format!("# HELP {name}{suffix} {words}\n"));
            }
            lines.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with('#') {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}
