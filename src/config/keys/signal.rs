//! The keys of a signal, for `degraded` and `health_check`.

use super::{ConfigKey, key};
use crate::config::shape::{TextRule, ValueShape, words};
use crate::config::signals::{
    LONGEST_NAME, LONGEST_QUERY, LONGEST_URL, LONGEST_VALUE, UNREACHABLE,
};

/// The description of `type`.
pub(in crate::config) const TYPE_ABOUT: &str = "what is asked";

/// The keys that every signal has, besides its `type`.
pub(in crate::config) const SIGNAL_KEYS: &[ConfigKey] = &[
    key(
        "name",
        ValueShape::Text(TextRule::of(LONGEST_NAME)),
        "its name in hints, evidence and metrics; at most 60 characters",
    ),
    key("url", ValueShape::Text(ANY_URL), "its address, without user or password"),
    key(
        "headers",
        ValueShape::Headers,
        "headers sent with each request; their values are never \
                                         shown",
    ),
    key(
        "bearer_token_file",
        ValueShape::Text(SIGNAL_FILE),
        "the file whose text is sent as `Authorization: Bearer`; read for each request",
    ),
    key(
        "ca_file",
        ValueShape::Text(SIGNAL_FILE),
        "PEM certificates of authorities to trust in addition to the machine's; read again when \
         it changes",
    ),
    key("timeout", ValueShape::Interval, "the time limit for a complete response; at most 60s"),
    key("interval", ValueShape::Interval, "between two readings"),
    key(
        "stale_after",
        ValueShape::Interval,
        "how long the last successful reading counts while newer ones fail",
    ),
];

/// A kind of signal.
#[derive(Clone, Copy, Debug)]
pub(in crate::config) struct SignalKeys {
    /// The value of `type`.
    pub(in crate::config) name: &'static str,
    /// The keys specific to this kind.
    pub(in crate::config) keys: &'static [ConfigKey],
    /// The required keys among them.
    pub(in crate::config) required: &'static [&'static str],
    /// The allowed values of `url`.
    pub(in crate::config) url: TextRule,
}

pub(in crate::config) const SIGNAL_KINDS: &[SignalKeys] = &[
    SignalKeys {
        name: "prometheus",
        keys: &[
            key("query", ValueShape::Text(QUERY), "what it asks, in PromQL"),
            key(
                "degraded_when",
                ValueShape::Text(COMPARISON),
                "the comparison that makes a value degraded; without it, any result does",
            ),
        ],
        required: &["query"],
        url: base_url("^([A-Za-z]+:/*)?[^/?#]*@|#|/api/v1"),
    },
    SignalKeys {
        name: "alertmanager",
        keys: &[key(
            "matchers",
            ValueShape::Texts(MATCHER, 1),
            "matchers; an alert that satisfies all of them means that production is degraded",
        )],
        required: &["matchers"],
        url: base_url("^([A-Za-z]+:/*)?[^/?#]*@|#|/api/v2"),
    },
    SignalKeys {
        name: "http",
        keys: &[
            key(
                "expected_status",
                ValueShape::OneOrMore(&ValueShape::Whole(100, 599)),
                "the status code of a good response, or a list of them",
            ),
            key(
                "json_pointer",
                ValueShape::Text(POINTER),
                "where `expected_value` is in the JSON response (RFC 6901)",
            ),
            key(
                "expected_value",
                ValueShape::Scalar,
                "the value at `json_pointer` in a good response, compared as text",
            ),
            key(
                "when_unreachable",
                ValueShape::Word(|| words(&UNREACHABLE)),
                "what a missing or incomplete response means",
            ),
        ],
        required: &[],
        url: ANY_URL,
    },
];

const SIGNAL_FILE: TextRule = TextRule::of(LONGEST_VALUE);

/// Text before an `@` may be a password. It is rejected and not displayed.
const ANY_URL: TextRule = TextRule::of(LONGEST_URL)
    .fitting(r"^[Hh][Tt]{2}[Pp][Ss]?://[^/?#@\s]+([/?][^#\s]*)?$")
    .refusing("^([A-Za-z]+:/*)?[^/?#]*@")
    .like("https://shop.example.com/healthz");

/// Base URL of a server, without the API path that the governor appends.
const fn base_url(refused: &'static str) -> TextRule {
    TextRule::of(LONGEST_URL)
        .fitting(r"^[Hh][Tt]{2}[Pp][Ss]?://[^/?#@\s]+(/[^?#\s]*)?$")
        .refusing(refused)
        .like("http://prometheus.monitoring:9090")
}

const QUERY: TextRule =
    TextRule::of(LONGEST_QUERY).fitting(r"\S").bare().like("sum(rate(errors_total[5m]))");

const COMPARISON: TextRule = TextRule::of(LONGEST_QUERY)
    .fitting(r"^\s*(>=|<=|==|!=|>|<)\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([Ee][-+]?[0-9]+)?\s*$")
    .like("> 0.05");

const MATCHER: TextRule = TextRule::of(4096)
    .fitting(r#"^[A-Za-z_][A-Za-z0-9_]*\s*(=~|!~|!=|=)\s*("(.*[^\\])?"|[^"]*[^"\s][^"]*)$"#)
    .like("service=\"shop\"");

const POINTER: TextRule = TextRule::of(LONGEST_VALUE).fitting(r"^/(.*\S)?$").like("/status");
