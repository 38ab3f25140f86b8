//! Selects the repository that a command acts on.

mod git;
mod remote;

use std::path::PathBuf;

use crate::domain::RepoName;
use crate::request::CommandFailure;
use crate::rpc::GovernedRepositories;

use git::Remotes;
use remote::RemoteLocation;

/// Where the command was run.
#[derive(Clone, Debug, Default)]
pub(super) struct Here {
    pub(super) directory: PathBuf,
    /// The value of `GIT_DIR`, if set.
    pub(super) git_dir: Option<PathBuf>,
}

/// Selects the `named` repository, else the repository of the git remote at `here`, else the only
/// configured one.
///
/// # Errors
/// [`CommandFailure::NotFound`] if the named repository is not configured;
/// [`CommandFailure::Usage`] if none is named and none can be inferred.
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

/// The result of inferring the repository from a directory.
enum RemoteLookup {
    Repository(RepoName),
    /// The reason, as a sentence with a trailing space. Empty if there is no git remote.
    Nothing(String),
}

/// The repository that the git remote names, if it is on the GitHub instance of `api_url`.
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

/// Maximum number of repositories that an error message lists.
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
