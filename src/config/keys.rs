//! The single table of configuration keys: name, allowed values, and meaning. The parser, the
//! JSON schema and the reference documentation are all derived from it.

mod calendar;
mod policy;
mod signal;

use super::settings::{LONGEST, MOST_DAYS, MOST_PASSES};
use super::shape::{TextRule, ValueShape};
use super::values::LONGEST_ITEM;

pub use self::calendar::CALENDAR_KEYS;
pub(super) use self::calendar::{CALENDAR_REQUIRED, WEEKLY_KEYS};
pub use self::policy::POLICY_KEYS;
pub(super) use self::policy::{
    APPROVAL_MODES, FAILURE_TYPE_KEYS, HOLD_STATES, NAME_KEY, ON_RECOVERY, PERMISSIONS,
};
pub(super) use self::signal::{SIGNAL_KEYS, SIGNAL_KINDS, SignalKeys, TYPE_ABOUT};

/// Prefix of the program's own environment variables.
pub const ENVIRONMENT_PREFIX: &str = "RELEASE_GOVERNOR_";

/// Path where the chart mounts the token.
pub const DEFAULT_TOKEN_FILE: &str = "/var/run/secrets/github/token";

/// A configuration key.
#[derive(Clone, Copy, Debug)]
pub struct ConfigKey {
    pub name: &'static str,
    /// The allowed values.
    pub(super) shape: ValueShape,
    /// The meaning, in Markdown, as shown in the reference and the schema. Text in *italics*
    /// names a section of the reference.
    pub about: &'static str,
}

const fn key(name: &'static str, shape: ValueShape, about: &'static str) -> ConfigKey {
    ConfigKey { name, shape, about }
}

pub(super) fn names(keys: &'static [ConfigKey]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

pub(super) fn has(keys: &[ConfigKey], name: &str) -> bool {
    keys.iter().any(|key| key.name == name)
}

/// The sections of the file and their keys, except `defaults` and `repositories`.
pub const SECTIONS: &[(&str, &[ConfigKey])] = &[
    (
        "github",
        &[
            key(
                "api_url",
                ValueShape::Text(API_URL),
                "the address of the API; for Enterprise Server `https://ghe.example.com/api/v3`; \
                 `http` on loopback only",
            ),
            key(
                "token_file",
                ValueShape::OrNull(&ValueShape::Text(FILE)),
                "the file that contains the token, read again when it changes; a new file name \
                 takes effect if the file contains a valid token (a change between \
                 `GITHUB_TOKEN` or an App and a file needs a restart); if unset, `GITHUB_TOKEN` \
                 comes first",
            ),
            key(
                "max_requests_per_minute",
                ValueShape::Whole(0, u32::MAX),
                "the request rate of each credential, in points: a read costs one, a write five; \
                 0 for a server without limits",
            ),
            key(
                "identities",
                ValueShape::Texts(TextRule::of(LONGEST_ITEM).like("release-bot"), 0),
                "accounts that the governor uses or used; set it if the token is an App's \
                 installation token (GitHub does not report the account of such a token), so \
                 that a new state directory recognizes the governor's own statuses",
            ),
            key(
                "app",
                ValueShape::OrNull(&ValueShape::Mapping(APP_KEYS, APP_REQUIRED)),
                "a GitHub App instead of a token: `app_id` (number or client id), \
                 `private_key_file` (read again when it changes), and `installation_id` if one \
                 installation serves all repositories; if unset, the installation of each \
                 repository's owner is used",
            ),
            key(
                "ca_file",
                ValueShape::OrNull(&ValueShape::Text(FILE)),
                "PEM certificates of authorities to trust in addition to the machine's, for \
                 example for Enterprise Server",
            ),
        ],
    ),
    (
        "controller",
        &[
            key(
                "poll_interval",
                ValueShape::Interval,
                "the interval between passes of a settled repository; at least 100ms",
            ),
            key(
                "active_poll_interval",
                ValueShape::Interval,
                "the interval while a deploy is in flight; at least 100ms",
            ),
            key(
                "max_concurrency",
                ValueShape::Whole(1, MOST_PASSES),
                "concurrent passes; each further owner of an App's installations adds a quarter, \
                 at least four (see *Many repositories* in docs/operations.md); passes that wait \
                 for GitHub for more than three seconds, and those in progress when the value \
                 changes, do not count",
            ),
        ],
    ),
    (
        "server",
        &[
            key(
                "listen",
                ValueShape::Text(LISTEN),
                "the listen address of pages, JSON, metrics and probes",
            ),
            key(
                "public_url",
                ValueShape::OrNull(&ValueShape::Text(PUBLIC_URL)),
                "the address at which people reach the pages; HOLD statuses link to it",
            ),
        ],
    ),
    (
        "state",
        &[
            key(
                "dir",
                ValueShape::Text(TextRule::of(LONGEST)),
                "the directory of the ledger and the command socket",
            ),
            key(
                "history_days",
                ValueShape::Whole(1, MOST_DAYS),
                "how long decisions, attempts and operator actions are kept",
            ),
        ],
    ),
];

/// The keys of `github.app`.
pub const APP_KEYS: &[ConfigKey] = &[
    key("app_id", ValueShape::AppId, "the App's number or client id"),
    key(
        "private_key_file",
        ValueShape::Text(FILE),
        "the file with the App's private key (PEM); read again when it changes",
    ),
    key(
        "installation_id",
        ValueShape::OrNull(&ValueShape::Positive),
        "the installation that serves all repositories; if unset, the installation of each \
         repository's owner is used",
    ),
];

/// The required keys of `github.app`.
const APP_REQUIRED: &[&str] = &["app_id", "private_key_file"];

/// A file path. A token written here by mistake is rejected and not displayed.
const FILE: TextRule =
    TextRule::of(LONGEST).refusing("gh[opusr]_|github_pat_").like("/var/run/secrets/github/token");

/// Text before an `@` may be a password. It is rejected and not displayed.
const API_URL: TextRule = TextRule::of(LONGEST)
    .fitting(concat!(
        r"^[Hh][Tt]{2}[Pp][Ss]://([^\[\]/?#@:\s]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[^?#\s]*)?$",
        r"|^[Hh][Tt]{2}[Pp]://([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127(\.[0-9]+){3}|\[[0:]*1\])",
        r"(:[0-9]+)?(/[^?#\s]*)?$",
    ))
    .refusing(r"^([A-Za-z]+:/*)?[^/?#]*@|^[A-Za-z]+://github\.com(:[0-9]+)?(/|$)")
    .like("https://ghe.example.com/api/v3");

const PUBLIC_URL: TextRule = TextRule::of(LONGEST)
    .fitting(r"^[Hh][Tt]{2}[Pp][Ss]?://([^\[\]/?#@:\s]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[^?#\s]*)?$")
    .refusing("^([A-Za-z]+:/*)?[^/?#]*@")
    .like("https://governor.example.com");

const LISTEN: TextRule = TextRule::of(LONGEST)
    .fitting(r"^(localhost|[0-9]{1,3}(\.[0-9]{1,3}){3}|\[[^\[\]\s]+\])?:[0-9]{1,5}$")
    .like("0.0.0.0:8080");
