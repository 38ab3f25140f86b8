//! The kinds of series that there are, and how they are written down.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::domain::RepoName;

/// The media type of the metrics.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One label: the repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByRepository {
    repository: String,
}

/// The repository and what happened there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByResult {
    repository: String,
    result: String,
}

/// The repository and a reason code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByReason {
    repository: String,
    reason: String,
}

/// The repository and a commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct BySha {
    repository: String,
    sha: String,
}

/// Labels of which the first is the repository.
pub(super) trait Labels:
    EncodeLabelSet + Clone + Eq + std::hash::Hash + Send + Sync + std::fmt::Debug + 'static
{
    /// With these values; `second` is empty where there is one label only.
    fn of(repository: String, second: &str) -> Self;
}

impl Labels for ByRepository {
    fn of(repository: String, _: &str) -> Self {
        Self { repository }
    }
}

impl Labels for ByResult {
    fn of(repository: String, second: &str) -> Self {
        Self { repository, result: second.to_owned() }
    }
}

impl Labels for ByReason {
    fn of(repository: String, second: &str) -> Self {
        Self { repository, reason: second.to_owned() }
    }
}

impl Labels for BySha {
    fn of(repository: String, second: &str) -> Self {
        Self { repository, sha: second.to_owned() }
    }
}

/// A family that knows the series of each repository, so that they can leave with it.
pub(super) struct Series<L, M, C = fn() -> M> {
    family: Family<L, M, C>,
    known: Mutex<BTreeMap<RepoName, Vec<String>>>,
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
        Self { family, known: Mutex::default() }
    }

    /// The series of `repository` whose second label, where there is one, is `second`.
    pub(super) fn of(&self, repository: &RepoName, second: &str) -> M {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.entry(repository.clone());
        // GitHub compares names without regard to case: the spelling that came first stays.
        let name = entry.key().to_string();
        let seconds = entry.or_default();
        if !seconds.iter().any(|known| known == second) {
            seconds.push(second.to_owned());
        }
        self.family.get_or_create_owned(&L::of(name, second))
    }

    /// The series of `repository` whose second label is `second`, which is its only one from now
    /// on. One that stays is there all the time, also for who looks meanwhile.
    pub(super) fn only(&self, repository: &RepoName, second: &str) -> M {
        let series = self.of(repository, second);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, seconds)) = known.get_key_value(repository) {
            for other in seconds.iter().filter(|other| *other != second) {
                self.family.remove(&L::of(name.to_string(), other));
            }
        }
        known.insert(repository.clone(), vec![second.to_owned()]);
        series
    }

    /// Ends all series of `repository`.
    pub(super) fn forget(&self, repository: &RepoName) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, seconds)) = known.remove_entry(repository) {
            for second in seconds {
                self.family.remove(&L::of(name.to_string(), &second));
            }
        }
    }
}

/// Where series are made.
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

/// How long, in seconds.
pub(super) fn observe(series: &Durations, repository: &RepoName, took: Duration) {
    series.of(repository, "").observe(took.as_secs_f64());
}

/// Everything in the text format that every Prometheus and its `promtool` reads. The library
/// writes OpenMetrics, which names a counter without its `_total` in HELP and TYPE.
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
