//! Reads a policy from a separate file, to show what it would decide.

use std::path::Path;
use std::sync::Arc;

use crate::domain::Policy;

use super::check::{self, Layer, check_policy, effective, root_keys, section_layer};
use super::defaults::{DEFECTIVE_DEFAULTS, default_policy};
use super::environment::Variables;
use super::keys::{POLICY_KEYS, names};
use super::mistake::{ConfigErrors, Mistakes};
use super::policy;
use super::read::{self, FileTree};

/// The text of the file at `path`.
///
/// # Errors
/// The file cannot be read or is not valid text.
pub fn text_of(path: &Path) -> Result<String, ConfigErrors> {
    let text = read::bytes(path, "").and_then(|bytes| read::text(&bytes));
    text.map_err(|why| {
        let mut mistakes = Mistakes::default();
        mistakes.file(&path.display().to_string(), None, why);
        mistakes.into_errors()
    })
}

/// The policy for the repository of `in_force` in the file with this name and text. The file
/// holds either only policy keys or a whole configuration. Keys that it omits have the built-in
/// defaults; our identities and the environment's approvals stay as they are in `in_force`.
///
/// # Errors
/// All mistakes of the file, which is validated as strictly as the configuration.
pub fn policy_of(name: &str, text: &str, in_force: &Policy) -> Result<Policy, ConfigErrors> {
    let mut mistakes = Mistakes::default();
    let expected = "a policy key, as in `cooldown_minutes: 10`";
    let file = read::file(Path::new(name), Ok(text.as_bytes()), expected, &mut mistakes);
    let found = file.and_then(|file| {
        if is_whole(&file) {
            of_configuration(&file, in_force, &mut mistakes)
        } else {
            Some(of_keys(&file, in_force, &mut mistakes))
        }
    });
    match found {
        Some(policy) if mistakes.is_empty() => Ok(Policy {
            repository: in_force.repository.clone(),
            identities: in_force.identities.clone(),
            approved_by_environment: in_force.approved_by_environment.clone(),
            ..policy
        }),
        _ => Err(mistakes.into_errors()),
    }
}

/// Whether the file is a whole configuration: it has a root key other than `defaults`. A file
/// with only `defaults` is read as policy keys.
fn is_whole(file: &FileTree) -> bool {
    let is_root = |key: &String| root_keys().contains(&key.as_str());
    file.values.keys().any(|key| key != "defaults" && is_root(key))
}

fn of_configuration(file: &FileTree, in_force: &Policy, mistakes: &mut Mistakes) -> Option<Policy> {
    let nothing = Variables::read(std::iter::empty(), mistakes);
    let config = check::check(file, &nothing, mistakes)?;
    let name = &in_force.repository;
    let found = config.repositories.into_iter().find(|policy| policy.repository == *name);
    if found.is_none() {
        let what = format!("repositories: expected an entry of {name}, as in `- name: {name}`");
        mistakes.file(&file.origin.file, None, what);
    }
    found.map(Arc::unwrap_or_clone)
}

fn of_keys(file: &FileTree, in_force: &Policy, mistakes: &mut Mistakes) -> Policy {
    let layer = if file.values.contains_key("defaults") && file.values.len() == 1 {
        section_layer(&file.values, "defaults", &file.origin, mistakes)
    } else {
        Layer { prefix: String::new(), origin: &file.origin, values: file.values.clone() }
    };
    let Some(default) = default_policy(in_force.repository.clone()) else {
        mistakes.file(&file.origin.file, None, DEFECTIVE_DEFAULTS);
        return in_force.clone();
    };
    check_policy(&layer, &names(POLICY_KEYS), &default, mistakes);
    // Freezes are no policy keys: those in force stay.
    let mut policy = Policy { calendar: in_force.calendar.clone(), ..default };
    effective(std::slice::from_ref(&layer), |key, entry| {
        policy::set(&mut policy, key, &entry, &mut Mistakes::default());
    });
    policy
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn in_force() -> Policy {
        let policy = default_policy("acme/shop".parse().unwrap()).unwrap();
        Policy { max_deploys_per_hour: 1, identities: vec!["old-bot".into()], ..policy }
    }

    fn found(name: &str, text: &str) -> Result<(u32, bool), String> {
        let policy = policy_of(name, text, &in_force()).map_err(|errors| errors.to_string())?;
        assert_eq!(policy.repository, in_force().repository);
        assert_eq!(policy.identities, in_force().identities);
        Ok((policy.max_deploys_per_hour, policy.hold_low_when_degraded))
    }

    #[test]
    fn a_policy_is_its_keys_alone_or_the_entry_of_a_whole_configuration() {
        let whole = "defaults: {hold_low_when_degraded: true}\n\
                     repositories: [{name: Acme/Shop, max_deploys_per_hour: 2}, {name: acme/api}]";
        for (name, text, policy) in [
            ("a.yaml", "hold_low_when_degraded: true", (6, true)),
            ("a.toml", "max_deploys_per_hour = 3", (3, false)),
            ("a.json", "{\"max_deploys_per_hour\": 4}", (4, false)),
            ("a.yml", "defaults: {max_deploys_per_hour: 5}", (5, false)),
            ("a.yaml", whole, (2, true)),
        ] {
            assert_eq!(found(name, text), Ok(policy), "{text}");
        }
    }

    #[test]
    fn a_policy_is_refused_for_all_that_a_configuration_is_refused_for() {
        let wrong = |(name, text)| found(name, text).unwrap_err();
        let said = [
            ("a.yaml", "cooldown_minuts: 1\nmax_deploys_per_hour: 0"),
            ("a.yaml", "defaults: {branch: 'a b'}"),
            ("a.yaml", "repositories: [{name: acme/api}]"),
            ("a.yaml", "name: acme/shop"),
            ("a.yaml", ""),
            ("a.txt", "branch: main"),
        ]
        .map(wrong)
        .map(|said| said.chars().take(150).collect::<String>());
        assert_snapshot!(said.join("\n"), @"
        the configuration has 2 mistakes:
        a.yaml:1: cooldown_minuts: is not a known key: did you mean cooldown_minutes?
        a.yaml:2: max_deploys_per_hour: found 
        a.yaml:1: defaults.branch: found `a b`, expected a branch's name without refs/heads/, as in main, or null
        a.yaml: repositories: expected an entry of acme/shop, as in `- name: acme/shop`
        a.yaml:1: name: is not a known key: known are enabled, dry_run, paused, branch, verification_workflow_name, verification_events, deploy_workflow_name,
        a.yaml: the file is empty: expected at least a policy key, as in `cooldown_minutes: 10`
        a.txt: the name must end in .yaml, .yml, .toml or .json
        ");
    }
}
