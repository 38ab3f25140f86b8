//! Which repository a command is about.

mod git;
mod remote;

use std::path::PathBuf;

use crate::config::Config;
use crate::domain::{Policy, RepoName};

use super::Failure;
use git::Remotes;
use remote::Place;

/// Where a command was given.
#[derive(Clone, Debug, Default)]
pub struct Here {
    /// The working directory.
    pub directory: PathBuf,
    /// What `GIT_DIR` says, where it is set.
    pub git_dir: Option<PathBuf>,
}

/// The policy of the repository that was `named`, or of the git remote `here`, or the only one
/// there is.
///
/// # Errors
/// When the named one is not configured, or when none was named and none can be told.
pub fn choose<'a>(
    config: &'a Config,
    named: Option<&RepoName>,
    here: &Here,
) -> Result<&'a Policy, Failure> {
    let configured = |name: &RepoName| config.repositories.iter().find(|p| p.repository == *name);
    if let Some(name) = named {
        return configured(name).ok_or_else(|| {
            Failure::NotFound(format!("{name} is not configured: known are {}", known(config)))
        });
    }
    let why_not = match told(here, &config.github.api_url) {
        Told::Repository(name) => match configured(&name) {
            Some(policy) => return Ok(policy),
            None => format!("this directory is of {name}, which is not configured. "),
        },
        Told::Nothing(why) => why,
    };
    if let [policy] = config.repositories.as_slice() {
        return Ok(policy);
    }
    Err(Failure::Usage(format!(
        "which repository? {why_not}Give OWNER/NAME or --repo OWNER/NAME; configured are {}",
        known(config)
    )))
}

/// What a directory tells of its repository.
enum Told {
    Repository(RepoName),
    /// Why not, as a sentence; empty where there is no git remote.
    Nothing(String),
}

/// The repository at the GitHub of `api_url` that the git remote names.
fn told(here: &Here, api_url: &str) -> Told {
    let url = match git::remotes(here) {
        Remotes::None => return Told::Nothing(String::new()),
        Remotes::Several(count) => {
            return Told::Nothing(format!(
                "this directory has {count} remotes, and none of them is `origin`. "
            ));
        }
        Remotes::Url(url) => url,
    };
    let ours = remote::host_of_api(api_url);
    match remote::place_of(&url) {
        Some(Place { host, .. }) if !remote::is_same(&host, &ours) => {
            Told::Nothing(format!("this directory's remote is of {host}, not of {ours}. "))
        }
        Some(Place { repository: Some(name), .. }) => Told::Repository(name),
        _ => Told::Nothing(format!("this directory's remote names no repository of {ours}. ")),
    }
}

/// More than fit on a screen help nobody.
const MOST_NAMES: usize = 10;

fn known(config: &Config) -> String {
    let names = config.repositories.iter().take(MOST_NAMES).map(|p| p.repository.to_string());
    let mut list = names.collect::<Vec<_>>().join(", ");
    if config.repositories.len() > MOST_NAMES {
        list.push_str(&format!(" and {} more", config.repositories.len() - MOST_NAMES));
    }
    list
}

#[cfg(test)]
mod tests;
