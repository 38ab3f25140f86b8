//! The metric families about GitHub: requests, limits and credentials.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::super::series::Maker;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(in crate::telemetry) struct Request {
    pub(in crate::telemetry) operation: &'static str,
    pub(in crate::telemetry) status: String,
}

pub(in crate::telemetry) struct GitHub {
    pub(in crate::telemetry) requests: Family<Request, Counter>,
    pub(in crate::telemetry) not_modified: Gauge<f64, AtomicU64>,
    /// The number of answers with 200 or 304, and of those with 304.
    pub(in crate::telemetry) answers: Mutex<(f64, f64)>,
    pub(in crate::telemetry) clock_difference: Gauge<f64, AtomicU64>,
    pub(in crate::telemetry) credentials: Credentials,
}

/// A credential: `token`, or the owner of an App installation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(in crate::telemetry) struct ByCredential {
    pub(in crate::telemetry) credential: String,
}

/// Metrics of each credential. With an App there is one for each configured owner.
pub(in crate::telemetry) struct Credentials {
    pub(in crate::telemetry) remaining: Family<ByCredential, Gauge<i64, AtomicI64>>,
    pub(in crate::telemetry) limit: Family<ByCredential, Gauge<i64, AtomicI64>>,
    pub(in crate::telemetry) reset: Family<ByCredential, Gauge<i64, AtomicI64>>,
    pub(in crate::telemetry) told_to_wait: Family<ByCredential, Gauge<i64, AtomicI64>>,
    pub(in crate::telemetry) token_accepted: Family<ByCredential, Gauge<i64, AtomicI64>>,
    pub(in crate::telemetry) token_expiry: Family<ByCredential, Gauge<i64, AtomicI64>>,
    pub(in crate::telemetry) token_refusals: Family<ByCredential, Counter>,
}

impl GitHub {
    pub(in crate::telemetry) fn new(make: &mut Maker) -> Self {
        let registry = &mut make.0;
        let requests = Family::<Request, Counter>::default();
        registry.register(
            "github_requests",
            "Requests to GitHub, by operation and HTTP status",
            requests.clone(),
        );
        let not_modified = Gauge::<f64, AtomicU64>::default();
        registry.register(
            "github_not_modified_ratio",
            "Share of 304 among GitHub's successful responses",
            not_modified.clone(),
        );
        let clock_difference = Gauge::<f64, AtomicU64>::default();
        registry.register(
            "clock_difference_seconds",
            "How far this machine's clock is ahead of GitHub's",
            clock_difference.clone(),
        );
        Self {
            credentials: Credentials::new(registry),
            requests,
            not_modified,
            answers: Mutex::default(),
            clock_difference,
        }
    }
}

impl Credentials {
    pub(in crate::telemetry) fn forget(&self, credential: &str) {
        let labels = ByCredential { credential: credential.to_owned() };
        for gauges in [
            &self.remaining,
            &self.limit,
            &self.reset,
            &self.told_to_wait,
            &self.token_accepted,
            &self.token_expiry,
        ] {
            gauges.remove(&labels);
        }
        self.token_refusals.remove(&labels);
    }

    fn new(registry: &mut Registry) -> Self {
        let token_refusals = Family::<ByCredential, Counter>::default();
        registry.register(
            "token_refusals",
            "Times that GitHub refused the credential",
            token_refusals.clone(),
        );
        let mut whole = |name: &str, help: &str| {
            let family = Family::<ByCredential, Gauge<i64, AtomicI64>>::default();
            registry.register(name, help, family.clone());
            family
        };
        Self {
            remaining: whole(
                "github_api_limit_remaining",
                "Requests left of GitHub's primary limit",
            ),
            limit: whole("github_api_limit", "GitHub's primary limit"),
            reset: whole(
                "github_api_limit_reset_timestamp_seconds",
                "When GitHub's primary limit resets",
            ),
            told_to_wait: whole(
                "told_to_wait_until_timestamp_seconds",
                "When the last wait that GitHub imposed ends",
            ),
            token_accepted: whole(
                "token_accepted",
                "1 while GitHub accepts the credential, and 0 while it refuses it",
            ),
            token_expiry: whole(
                "token_expiry_timestamp_seconds",
                "When the token ends, where GitHub says so",
            ),
            token_refusals,
        }
    }
}
