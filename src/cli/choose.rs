//! Which repository a command is about.

mod git;
mod remote;

use std::path::PathBuf;

use crate::domain::RepoName;
use crate::request::CommandFailure;
use crate::rpc::GovernedRepositories;

use git::Remotes;
use remote::RemoteLocation;

/// Where a command was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Here {
    /// The working directory.
    pub(super) directory: PathBuf,
    /// What `GIT_DIR` says, where it is set.
    pub(super) git_dir: Option<PathBuf>,
}

/// The repository that was `named`, or of the git remote `here`, or the only one
/// there is.
///
/// # Errors
/// When the named one is not configured, or when none was named and none can be told.
pub(super) fn choose(
    governed: &GovernedRepositories,
    named: Option<&RepoName>,
    here: &Here,
) -> Result<RepoName, CommandFailure> {
    let configured = |name: &RepoName| governed.repositories.iter().find(|one| *one == name);
    if let Some(name) = named {
        return configured(name).cloned().ok_or_else(|| {
            CommandFailure::NotFound(format!(
                "{name} is not configured: known are {}",
                known(governed)
            ))
        });
    }
    let why_not = match told(here, &governed.api_url) {
        RemoteLookup::Repository(name) => match configured(&name) {
            Some(name) => return Ok(name.clone()),
            None => format!("this directory is of {name}, which is not configured. "),
        },
        RemoteLookup::Nothing(why) => why,
    };
    if let [only] = governed.repositories.as_slice() {
        return Ok(only.clone());
    }
    Err(CommandFailure::Usage(format!(
        "which repository? {why_not}Give OWNER/NAME or --repo OWNER/NAME; configured are {}",
        known(governed)
    )))
}

/// What a directory tells of its repository.
enum RemoteLookup {
    Repository(RepoName),
    /// Why not, as a sentence; empty where there is no git remote.
    Nothing(String),
}

/// The repository at the GitHub of `api_url` that the git remote names.
fn told(here: &Here, api_url: &str) -> RemoteLookup {
    let url = match git::remotes(here) {
        Remotes::None => return RemoteLookup::Nothing(String::new()),
        Remotes::Several(count) => {
            return RemoteLookup::Nothing(format!(
                "this directory has {count} remotes, and none of them is `origin`. "
            ));
        }
        Remotes::Url(url) => url,
    };
    let ours = remote::host_of_api(api_url);
    match remote::place_of(&url) {
        Some(RemoteLocation { host, .. }) if !remote::is_same(&host, &ours) => {
            RemoteLookup::Nothing(format!("this directory's remote is of {host}, not of {ours}. "))
        }
        Some(RemoteLocation { repository: Some(name), .. }) => RemoteLookup::Repository(name),
        _ => RemoteLookup::Nothing(format!(
            "this directory's remote names no repository of {ours}. "
        )),
    }
}

/// More than fit on a screen help nobody.
const MOST_NAMES: usize = 10;

fn known(governed: &GovernedRepositories) -> String {
    let names = governed.repositories.iter().take(MOST_NAMES).map(RepoName::to_string);
    let mut list = names.collect::<Vec<_>>().join(", ");
    if governed.repositories.len() > MOST_NAMES {
        list.push_str(&format!(" and {} more", governed.repositories.len() - MOST_NAMES));
    }
    list
}

#[cfg(test)]
mod tests;
