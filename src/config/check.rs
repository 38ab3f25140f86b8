//! Merges the configuration layers: every layer is validated on its own, and the highest one
//! that sets a key wins.

use std::collections::HashSet;
use std::sync::Arc;

use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use crate::domain::{CalendarEntry, EnvironmentApproval, Policy, RepoName};

use super::calendar;
use super::credentials::{checked_app, token, warn_if_missing, whole_app};
use super::defaults::{DEFECTIVE_DEFAULTS, default_policy};
use super::environment::{Approved, Variables};
use super::keys::{NAME_KEY, POLICY_KEYS, SECTIONS, names};
use super::mistake::{MOST_REPOSITORIES, Mistakes, meant};
use super::policy;
use super::read::FileTree;
use super::settings::Settings;
use super::signals;
use super::values::{Setting, ValueOrigin};
use super::{AppConfig, Config, ControllerConfig, GithubConfig, ServerConfig, TokenConfig};

/// The configuration, or `None` if there are mistakes.
pub(super) fn check(
    file: &FileTree,
    environment: &Variables,
    mistakes: &mut Mistakes,
) -> Option<Config> {
    unknown_keys(&Layer::of_file(file), &root_keys(), mistakes);
    let mut settings = Settings::default();
    for (section, keys) in SECTIONS {
        let layers = [
            section_layer(&file.values, section, &file.origin, mistakes),
            section_layer(&environment.file, section, &environment.origin, mistakes),
        ];
        for layer in &layers {
            unknown_keys(layer, &names(keys), mistakes);
            let mut scratch = Settings::default();
            layer.each(|key, entry| {
                scratch.set(&format!("{section}.{key}"), &entry, mistakes);
            });
        }
        effective(&layers, |key, entry| {
            settings.set(&format!("{section}.{key}"), &entry, &mut Mistakes::default());
        });
    }
    let mut repositories = repositories(file, environment, mistakes);
    let calendar = calendar::entries(file, environment, &repositories, mistakes);
    let app = settings.app.take().and_then(|app| whole_app(app, &settings, file, mistakes));
    if !mistakes.is_empty() {
        return None;
    }
    calendar::assign(&calendar, &mut repositories);
    let mut config = assemble(settings, app, environment, repositories, calendar);
    approve(&mut config, &environment.approved);
    config.digest = config.fingerprint();
    Some(config)
}

/// One source of values.
pub(super) struct Layer<'a> {
    /// Path of the mapping that holds the values.
    pub(super) prefix: String,
    pub(super) origin: &'a ValueOrigin,
    pub(super) values: Dict,
}

impl Provider for Layer<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

impl<'a> Layer<'a> {
    fn of_file(file: &'a FileTree) -> Self {
        Self { prefix: String::new(), origin: &file.origin, values: file.values.clone() }
    }

    fn name(&self) -> String {
        format!("{} {}", self.origin.file, self.prefix)
    }

    fn entry(&self, key: &str, value: Value) -> Setting<'a> {
        let dot = if self.prefix.is_empty() { "" } else { "." };
        Setting { value, key: format!("{}{dot}{key}", self.prefix), origin: self.origin }
    }

    fn each(&self, mut look: impl FnMut(&str, Setting<'a>)) {
        for (key, value) in &self.values {
            look(key, self.entry(key, value.clone()));
        }
    }
}

/// Calls `look` with the effective value of each key.
pub(super) fn effective<'a>(layers: &[Layer<'a>], mut look: impl FnMut(&str, Setting<'a>)) {
    let mut figment = Figment::new();
    for layer in layers {
        figment = figment.merge(layer);
    }
    let Ok(data) = figment.data() else { return };
    for (key, value) in data.into_values().flatten() {
        let name = figment.get_metadata(value.tag()).map(|metadata| metadata.name.to_string());
        let layer = layers.iter().find(|layer| Some(layer.name()) == name);
        if let Some(layer) = layer {
            look(&key, layer.entry(&key, value));
        }
    }
}

pub(super) fn root_keys() -> Vec<&'static str> {
    let sections = SECTIONS.iter().map(|(section, _)| *section);
    sections.chain(["defaults", "repositories", "freezes", "windows"]).collect()
}

fn unknown_keys(layer: &Layer<'_>, known: &[&str], mistakes: &mut Mistakes) {
    layer.each(|key, entry| {
        if !known.contains(&key) && !mistakes.is_full() {
            let hint = match meant(key, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known are {}", known.join(", ")),
            };
            entry.refuse(mistakes, format!("is not a known key: {hint}"));
        }
    });
}

/// The mapping `section` of `values`; empty if it is absent or null.
pub(super) fn section_layer<'a>(
    values: &Dict,
    section: &str,
    origin: &'a ValueOrigin,
    mistakes: &mut Mistakes,
) -> Layer<'a> {
    let mut layer = Layer { prefix: section.to_owned(), origin, values: Dict::new() };
    match values.get(section) {
        Some(Value::Dict(_, values)) => layer.values = values.clone(),
        None | Some(Value::Empty(..)) => {}
        Some(value) => {
            let entry = Setting { value: value.clone(), key: section.to_owned(), origin };
            entry.wrong(mistakes, "a mapping of keys to values");
        }
    }
    layer
}

fn repositories(file: &FileTree, environment: &Variables, mistakes: &mut Mistakes) -> Vec<Policy> {
    let Some(default) = scratch() else {
        mistakes.file(&file.origin.file, None, DEFECTIVE_DEFAULTS);
        return Vec::new();
    };
    let defaults = [
        section_layer(&file.values, "defaults", &file.origin, mistakes),
        section_layer(&environment.file, "defaults", &environment.origin, mistakes),
    ];
    let (values, origin) = (environment.policy.clone(), &environment.origin);
    let overrides = Layer { prefix: String::new(), origin, values };
    for layer in defaults.iter().chain([&overrides]) {
        check_policy(layer, &names(POLICY_KEYS), &default, mistakes);
    }
    let entries = list(file, environment, mistakes).unwrap_or_default();
    if entries.len() > MOST_REPOSITORIES {
        let count = entries.len();
        let what = format!("repositories: has {count} items: expected at most {MOST_REPOSITORIES}");
        mistakes.file(&file.origin.file, None, what);
        return Vec::new();
    }
    let mut policies: Vec<Policy> = Vec::with_capacity(entries.len());
    let mut named = HashSet::new();
    let [file_defaults, environment_defaults] = defaults;
    let mut layers = vec![file_defaults, environment_defaults];
    for entry in entries {
        if mistakes.is_full() {
            break;
        }
        let Some((name, repository)) = repository(&entry, &default, mistakes) else { continue };
        if !named.insert(name.clone()) {
            let value = Value::from(name.to_string());
            repository.entry("name", value).wrong(mistakes, "each repository once");
        }
        layers.truncate(2);
        layers.push(repository);
        layers.push(Layer { values: overrides.values.clone(), prefix: String::new(), origin });
        let mut policy = Policy { repository: name, ..default.clone() };
        effective(&layers, |key, entry| {
            policy::set(&mut policy, key, &entry, &mut Mistakes::default());
        });
        policies.push(policy);
    }
    policies
}

/// A placeholder policy, used to validate values that belong to no repository yet.
fn scratch() -> Option<Policy> {
    "owner/name".parse().ok().and_then(default_policy)
}

pub(super) fn check_policy(
    layer: &Layer<'_>,
    known: &[&str],
    default: &Policy,
    mistakes: &mut Mistakes,
) {
    unknown_keys(layer, known, mistakes);
    let mut policy = default.clone();
    layer.each(|key, entry| {
        policy::set(&mut policy, key, &entry, mistakes);
    });
}

/// The entries of `repositories`, from the environment if it sets them, otherwise from the
/// file.
fn list<'a>(
    file: &'a FileTree,
    environment: &'a Variables,
    mistakes: &mut Mistakes,
) -> Option<Vec<Setting<'a>>> {
    let key = "repositories".to_owned();
    let expected = "mappings with a `name`, as in `- name: acme/shop`";
    if let Some(value) = environment.file.get("repositories") {
        let entry = Setting { value: value.clone(), key, origin: &environment.origin };
        return super::values::items(&entry, mistakes, expected);
    }
    let value = file.values.get("repositories").cloned();
    let is_empty = match &value {
        None | Some(Value::Empty(..)) => true,
        Some(Value::Array(_, values)) => values.is_empty(),
        Some(_) => false,
    };
    let value = value.unwrap_or_else(|| Vec::<Value>::new().into());
    let entry = Setting { value, key, origin: &file.origin };
    if is_empty {
        entry.refuse(mistakes, "expected at least one repository, as in `- name: acme/shop`");
        return None;
    }
    super::values::items(&entry, mistakes, expected)
}

/// Validates one entry of `repositories` and splits it into its name and its other keys.
fn repository<'a>(
    entry: &Setting<'a>,
    default: &Policy,
    mistakes: &mut Mistakes,
) -> Option<(RepoName, Layer<'a>)> {
    // An environment variable can only hold a list of names, not mappings.
    let only_name = |name: &str| Dict::from([("name".to_owned(), Value::from(name))]);
    let values = entry.value.as_dict().cloned().or_else(|| entry.variable().map(only_name));
    let Some(mut values) = values else {
        entry.wrong(mistakes, "a mapping with a `name`, as in `- name: acme/shop`");
        return None;
    };
    let name = values.remove("name");
    let layer = Layer { prefix: entry.key.clone(), origin: entry.origin, values };
    let known = [vec![NAME_KEY.name], names(POLICY_KEYS)].concat();
    check_policy(&layer, &known, default, mistakes);
    let Some(name) = name else {
        entry.refuse(mistakes, "lacks the key `name`, as in `name: acme/shop`");
        return None;
    };
    let expected = "a repository as OWNER/NAME, as in acme/shop";
    let name_entry = layer.entry("name", name);
    let name: RepoName = super::values::line(&name_entry, mistakes, 201, expected)?
        .parse()
        .map_err(|_| name_entry.wrong(mistakes, expected))
        .ok()?;
    Some((name, layer))
}

fn assemble(
    settings: Settings,
    app: Option<AppConfig>,
    environment: &Variables,
    mut policies: Vec<Policy>,
    calendar: Vec<Arc<CalendarEntry>>,
) -> Config {
    let mut warnings = calendar::warnings(&calendar, &policies);
    let token = match app {
        Some(app) => TokenConfig::App(checked_app(app, environment, &mut warnings)),
        None => token(settings.token_file, environment, &mut warnings),
    };
    if let Some(file) = &settings.ca_file {
        warn_if_missing("github.ca_file", file, &mut warnings);
    }
    warnings.extend(signals::missing_files(&policies));
    warnings.extend(policy::warnings(&policies));
    for policy in &mut policies {
        policy.identities.clone_from(&settings.identities);
    }
    Config {
        github: GithubConfig {
            api_url: settings.api_url,
            token,
            ca_file: settings.ca_file,
            max_requests_per_minute: settings.max_requests_per_minute,
            identities: settings.identities,
        },
        controller: ControllerConfig {
            poll_interval: settings.poll_interval,
            active_poll_interval: settings.active_poll_interval,
            max_concurrency: usize::try_from(settings.max_concurrency).unwrap_or(1),
        },
        server: ServerConfig { listen: settings.listen, public_url: settings.public_url },
        state_dir: settings.state_dir,
        history_days: settings.history_days,
        repositories: policies.into_iter().map(Arc::new).collect(),
        calendar,
        digest: String::new(),
        file_digest: String::new(),
        warnings,
    }
}

fn approve(config: &mut Config, approved: &Approved) {
    match approved {
        Approved::Nothing => {}
        Approved::Everything => {
            config.warnings.push(
                "RELEASE_GOVERNOR_APPROVED approves every HIGH risk release of every repository"
                    .to_owned(),
            );
            for policy in config.repositories.iter_mut().map(Arc::make_mut) {
                policy.approved_by_environment = EnvironmentApproval::Everything;
            }
        }
        Approved::Shas(approvals) => {
            for (name, sha) in approvals {
                let policy = config.repositories.iter_mut().find(|p| p.repository == *name);
                match policy.map(|policy| &mut Arc::make_mut(policy).approved_by_environment) {
                    Some(EnvironmentApproval::Shas(shas)) => shas.push(sha.clone()),
                    Some(other) => *other = EnvironmentApproval::Shas(vec![sha.clone()]),
                    None => config.warnings.push(format!(
                        "RELEASE_GOVERNOR_APPROVED names {name}, which is not configured"
                    )),
                }
            }
        }
    }
}
