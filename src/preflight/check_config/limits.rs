//! How many settled repositories the limits of each credential carry, and how many it has.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{Config, TokenConfig};
use crate::controller::capacity::{carried, carried_by_an_app, interval_of};

/// Intervals that are told beside the one that is configured.
const INTERVALS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(600)];
/// What GitHub grants an App's installation in an hour: at least, and at most on github.com (docs:
/// "Rate limits for the REST API").
const OF_AN_APP: [u32; 2] = [5_000, 15_000];
/// Credentials that are spoken of one by one, those with the most repositories.
const MOST_TOLD: usize = 10;
/// An interval that is longer than the one asked for by less than this is not warned of.
const WORTH_A_WARNING: f64 = 1.25;

/// A credential, and the repositories that it speaks for.
struct CredentialLoad {
    credential: String,
    repositories: u32,
}

/// The credentials with the most enabled repositories.
fn loads(config: &Config) -> Vec<CredentialLoad> {
    let mut loads: BTreeMap<String, u32> = BTreeMap::new();
    for policy in config.repositories.iter().filter(|policy| policy.enabled) {
        let credential = match &config.github.token {
            TokenConfig::App(app) => match app.installation_id {
                Some(number) => format!("installation {number}"),
                None => policy.repository.owner().to_ascii_lowercase(),
            },
            TokenConfig::File(_) | TokenConfig::Value(_) | TokenConfig::Missing => {
                "token".to_owned()
            }
        };
        *loads.entry(credential).or_default() += 1;
    }
    let loads = loads.into_iter();
    let mut loads: Vec<CredentialLoad> = loads
        .map(|(credential, repositories)| CredentialLoad { credential, repositories })
        .collect();
    loads.sort_by_key(|load| std::cmp::Reverse(load.repositories));
    loads.truncate(MOST_TOLD);
    loads
}

/// What is told of them.
pub(super) fn lines(config: &Config) -> Vec<String> {
    let (pace, wanted) = (config.github.max_requests_per_minute, config.controller.poll_interval);
    let mut lines = Vec::new();
    if pace == 0 {
        lines.push("no pace: github.max_requests_per_minute is 0".to_owned());
    } else {
        let mut intervals = INTERVALS.to_vec();
        intervals.push(wanted);
        intervals.sort_unstable();
        intervals.dedup();
        let each: Vec<String> = intervals
            .into_iter()
            .map(|interval| format!("{} every {}", carried(pace, interval), told(interval)))
            .collect();
        lines.push(format!(
            "{pace} points a minute carry so many settled repositories of one credential: {}",
            each.join(", ")
        ));
    }
    if matches!(config.github.token, TokenConfig::App(_)) {
        let each = OF_AN_APP.map(|limit| format!("{limit} carry {}", carried_by_an_app(limit)));
        lines.push(format!(
            "an App's token is new every hour, and the first answer to each address under it \
             counts: of its requests an hour, {}",
            each.join(", ")
        ));
    }
    for CredentialLoad { credential, repositories } in loads(config) {
        let interval = if pace == 0 { wanted } else { interval_of(repositories, pace, wanted) };
        let noun = if repositories == 1 { "repository" } else { "repositories" };
        lines.push(format!(
            "{credential}: {repositories} {noun}, each looked at every {} while settled",
            told(interval)
        ));
    }
    lines
}

/// What asks for more than the limits carry.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let (pace, wanted) = (config.github.max_requests_per_minute, config.controller.poll_interval);
    let is_app = matches!(config.github.token, TokenConfig::App(_));
    let mut warnings = Vec::new();
    for CredentialLoad { credential, repositories } in loads(config) {
        let fits = if pace == 0 { wanted } else { interval_of(repositories, pace, wanted) };
        if fits > wanted.mul_f64(WORTH_A_WARNING) {
            warnings.push(format!(
                "{credential} has {repositories} repositories: at {pace} points a minute they are \
                 looked at every {} and not every {}. Raise controller.poll_interval, or divide \
                 them among credentials",
                told(fits),
                told(wanted)
            ));
        }
        let [_, most] = OF_AN_APP;
        if is_app && repositories > carried_by_an_app(most) {
            warnings.push(format!(
                "{credential} has {repositories} repositories: with each new token of the App, \
                 every hour, their first answers use up GitHub's limit of {most} requests. Divide \
                 them among Apps"
            ));
        }
    }
    warnings
}

fn told(interval: Duration) -> String {
    if interval.subsec_millis() == 0 {
        format!("{} s", interval.as_secs())
    } else {
        format!("{:.1} s", interval.as_secs_f64())
    }
}
