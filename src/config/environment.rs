//! Reads the environment: overrides of configuration keys, and the few variables that are not
//! keys.

use figment::value::{Dict, Value};
use secrecy::SecretString;

use crate::domain::{RepoName, Sha};

use super::keys::{APP_KEYS, ENVIRONMENT_PREFIX, POLICY_KEYS, SECTIONS, has};
use super::mistake::{ENVIRONMENT, Mistake, Mistakes, meant};
use super::values::{ValueOrigin, variable};

/// The program's own variables, without the prefix, that are not keys of the file.
const OWN: [&str; 4] = ["CONFIG", "APPROVED", "LOG", "LOG_FORMAT"];

/// The environment variables, grouped by purpose.
pub(super) struct Variables {
    pub(super) origin: ValueOrigin,
    /// Sections, `defaults` and `repositories`, structured as in the file.
    pub(super) file: Dict,
    /// Policy keys that apply to every repository.
    pub(super) policy: Dict,
    /// `GITHUB_TOKEN`.
    pub(super) token: Option<SecretString>,
    /// `RELEASE_GOVERNOR_APPROVED`.
    pub(super) approved: Approved,
}

/// The releases that `RELEASE_GOVERNOR_APPROVED` approves.
pub(super) enum Approved {
    Nothing,
    Everything,
    Shas(Vec<(RepoName, Sha)>),
}

impl Variables {
    pub(super) fn read(
        variables: impl Iterator<Item = (String, String)>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let mut environment = Self {
            origin: ValueOrigin {
                file: ENVIRONMENT.to_owned(),
                is_environment: true,
                ..ValueOrigin::default()
            },
            file: Dict::new(),
            policy: Dict::new(),
            token: None,
            approved: Approved::Nothing,
        };
        for (name, value) in variables {
            if name == "GITHUB_TOKEN" {
                let token = value.trim();
                mistakes.keep_secret(token);
                environment.token = (!token.is_empty()).then(|| SecretString::from(token));
            } else if let Some(rest) = name.strip_prefix(ENVIRONMENT_PREFIX) {
                environment.take(&name, rest, value, mistakes);
            }
        }
        environment
    }

    fn take(&mut self, name: &str, rest: &str, value: String, mistakes: &mut Mistakes) {
        if rest == "APPROVED" {
            self.approved = approved(&value, mistakes);
        } else if !OWN.contains(&rest) && !self.set(rest, &value) && !is_service_link(rest, &value)
        {
            unknown(name, mistakes);
        }
    }

    /// Sets the key that `rest` names. Returns false if it names none.
    fn set(&mut self, rest: &str, value: &str) -> bool {
        if rest.bytes().any(|b| b.is_ascii_lowercase()) {
            return false;
        }
        let key = rest.to_ascii_lowercase();
        match key.split_once("__") {
            None if has(POLICY_KEYS, &key) => {
                self.policy.insert(key, Value::from(value));
            }
            None if ["repositories", "freezes", "windows"].contains(&key.as_str()) => {
                self.file.insert(key, Value::from(value));
            }
            Some(("github", inner)) if app_key(inner).is_some() => {
                let github =
                    self.file.entry("github".to_owned()).or_insert_with(|| Dict::new().into());
                let (Value::Dict(_, keys), Some(inner)) = (github, app_key(inner)) else {
                    return false;
                };
                let app = keys.entry("app".to_owned()).or_insert_with(|| Dict::new().into());
                if let Value::Dict(_, keys) = app {
                    keys.insert(inner.to_owned(), Value::from(value));
                }
            }
            Some((section, inner)) if is_key(section, inner) => {
                let section =
                    self.file.entry(section.to_owned()).or_insert_with(|| Dict::new().into());
                if let Value::Dict(_, keys) = section {
                    keys.insert(inner.to_owned(), Value::from(value));
                }
            }
            _ => return false,
        }
        true
    }
}

/// The key of `github.app` that `inner` names, as `app__app_id` does.
fn app_key(inner: &str) -> Option<&str> {
    inner.strip_prefix("app__").filter(|key| has(APP_KEYS, key))
}

fn is_key(section: &str, key: &str) -> bool {
    let keys = SECTIONS.iter().find(|(name, _)| *name == section).map(|(_, keys)| *keys);
    let keys = keys.or_else(|| (section == "defaults").then_some(POLICY_KEYS));
    keys.is_some_and(|keys| has(keys, key))
}

/// Whether Kubernetes set this variable for a Service in the same namespace whose name equals
/// our prefix or begins with it. Source: Kubernetes, "Accessing the Service", environment
/// variables.
fn is_service_link(rest: &str, value: &str) -> bool {
    let underscored = format!("_{rest}");
    let ported = |name: &str| {
        ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| {
            name.strip_suffix(protocol)
                .and_then(|name| name.rsplit_once("_PORT_"))
                .is_some_and(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
        })
    };
    let parts = ["_PROTO", "_PORT", "_ADDR"];
    underscored.ends_with("_SERVICE_HOST")
        || underscored.ends_with("_SERVICE_PORT")
        || underscored.contains("_SERVICE_PORT_")
        || underscored == "_PORT"
        || (underscored.ends_with("_PORT") && value.contains("://"))
        || ported(&underscored)
        || parts.iter().any(|part| underscored.strip_suffix(part).is_some_and(ported))
}

fn unknown(name: &str, mistakes: &mut Mistakes) {
    let sections = SECTIONS.iter().flat_map(|(section, keys)| {
        keys.iter().map(move |key| variable(&format!("{section}.{}", key.name)))
    });
    let app = APP_KEYS.iter().map(|key| variable(&format!("github.app.{}", key.name)));
    let own = OWN.iter().map(|own| format!("{ENVIRONMENT_PREFIX}{own}"));
    let policy = POLICY_KEYS.iter().map(|key| variable(key.name));
    let known: Vec<String> = policy.chain(sections).chain(app).chain(own).collect();
    // Compare without the prefix that all names share, so that it does not dilute a typo.
    let bare = |name: &str| name.trim_start_matches(ENVIRONMENT_PREFIX).to_ascii_uppercase();
    let bares: Vec<String> = known.iter().map(|name| bare(name)).collect();
    let hint = meant(&bare(name), bares.iter().map(String::as_str))
        .map(|near| format!("did you mean {ENVIRONMENT_PREFIX}{near}?"))
        .unwrap_or_else(|| {
            format!(
                "expected {ENVIRONMENT_PREFIX} and a key in capitals, with __ between levels, as \
                 in {ENVIRONMENT_PREFIX}COOLDOWN_MINUTES or {ENVIRONMENT_PREFIX}GITHUB__API_URL"
            )
        });
    say(mistakes, name, None, format!("is not a known key: {hint}"));
}

fn say(mistakes: &mut Mistakes, name: &str, value: Option<String>, expected: String) {
    let (file, key) = (ENVIRONMENT.to_owned(), name.to_owned());
    mistakes.push(Mistake { file, line: None, key, value, expected });
}

fn approved(value: &str, mistakes: &mut Mistakes) -> Approved {
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "0" | "false" | "no" => return Approved::Nothing,
        "1" | "true" | "yes" => return Approved::Everything,
        _ => {}
    }
    let mut shas = Vec::new();
    for item in value.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let parsed = item
            .split_once('@')
            .and_then(|(name, sha)| Some((name.parse().ok()?, sha.parse().ok()?)));
        match parsed {
            Some(approval) => shas.push(approval),
            None => {
                let excerpt: String = item.chars().take(160).collect();
                let expected = "1, true or yes for everything, or a comma list of \
                                OWNER/NAME@SHA with whole shas of 40 digits";
                let name = format!("{ENVIRONMENT_PREFIX}APPROVED");
                let value = Some(format!("`{}`", excerpt.escape_debug()));
                say(mistakes, &name, value, expected.to_owned());
            }
        }
    }
    Approved::Shas(shas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_says_of_a_service_is_no_config() {
        for (name, value) in [
            ("PORT", "tcp://10.0.0.1:8080"),
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "8080"),
            ("SERVICE_PORT_HTTP", "8080"),
            ("PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("PORT_8080_TCP_PROTO", "tcp"),
            ("PORT_8080_TCP_PORT", "8080"),
            ("PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("METRICS_SERVICE_HOST", "10.0.0.1"),
            ("METRICS_PORT", "tcp://10.0.0.1:9090"),
            ("METRICS_PORT_9090_UDP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        for name in ["SERVER__PORT", "COOLDOWN", "METRICS_PORT", "PORT_X_TCP"] {
            assert!(!is_service_link(name, "8080"), "{name}");
        }
    }
}
