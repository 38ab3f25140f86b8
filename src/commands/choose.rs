//! Which repository a command is about.

use std::fs;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::domain::{Policy, RepoName};

use super::Failure;

/// The policy of the repository that was `named`, or of the git remote of `directory`, or the
/// only one there is.
///
/// # Errors
/// When the named one is not configured, or when none was named and none can be told.
pub fn choose<'a>(
    config: &'a Config,
    named: Option<&RepoName>,
    directory: &Path,
) -> Result<&'a Policy, Failure> {
    let configured = |name: &RepoName| config.repositories.iter().find(|p| p.repository == *name);
    if let Some(name) = named {
        return configured(name).ok_or_else(|| {
            Failure::NotFound(format!("{name} is not configured: known are {}", known(config)))
        });
    }
    let here = origin_of(directory);
    match (here.as_ref().and_then(configured), config.repositories.as_slice()) {
        (Some(policy), _) | (None, [policy]) => Ok(policy),
        (None, _) => {
            let here = here.map(|name| format!("this directory is of {name}, which is not. "));
            Err(Failure::Usage(format!(
                "which repository? {}Give OWNER/NAME or --repo OWNER/NAME; configured are {}",
                here.unwrap_or_default(),
                known(config)
            )))
        }
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

/// The repository that the remote `origin` of the git work tree around `directory` names.
fn origin_of(directory: &Path) -> Option<RepoName> {
    let git = directory.ancestors().map(|d| d.join(".git")).find(|git| git.exists())?;
    let config = fs::read_to_string(git_directory(&git)?.join("config")).ok()?;
    repository_of(origin_url(&config)?)
}

/// Where the config is: in a linked work tree `.git` is a file that names a directory whose
/// `commondir` names it.
fn git_directory(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_owned());
    }
    let text = fs::read_to_string(git).ok()?;
    let linked = git.parent()?.join(text.strip_prefix("gitdir:")?.trim());
    match fs::read_to_string(linked.join("commondir")) {
        Ok(common) => Some(linked.join(common.trim())),
        Err(_) => Some(linked),
    }
}

fn origin_url(config: &str) -> Option<&str> {
    let mut inside = false;
    for line in config.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line.replace(char::is_whitespace, "") == "[remote\"origin\"]";
        } else if inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim().eq_ignore_ascii_case("url")
        {
            return Some(value.trim().trim_matches('"'));
        }
    }
    None
}

/// `OWNER/NAME` out of `https://host/OWNER/NAME.git` or `git@host:OWNER/NAME.git`.
fn repository_of(url: &str) -> Option<RepoName> {
    let url = url.trim_end_matches('/');
    let path = url.strip_suffix(".git").unwrap_or(url);
    let mut parts = path.rsplit(['/', ':']);
    let (name, owner) = (parts.next()?, parts.next()?);
    format!("{owner}/{name}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_remote_names_the_repository() {
        for url in [
            "https://github.com/acme/shop",
            "https://github.com/acme/shop.git",
            "https://user@github.com/acme/shop/",
            "git@github.com:acme/shop.git",
            "ssh://git@github.com:22/acme/shop.git",
        ] {
            assert_eq!(repository_of(url).unwrap().to_string(), "acme/shop", "{url}");
        }
    }

    fn config(names: &[&str]) -> Config {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("governor.yaml");
        let list: String = names.iter().map(|name| format!("- name: {name}\n")).collect();
        fs::write(&file, format!("repositories:\n{list}")).unwrap();
        crate::config::load(&file, std::iter::empty()).unwrap()
    }

    #[test]
    fn a_repository_is_named_or_is_the_work_trees_or_the_only_one() {
        let both = config(&["acme/shop", "acme/api"]);
        let here = tempfile::tempdir().unwrap();
        let inside = here.path().join("src/deep");
        fs::create_dir_all(&inside).unwrap();
        let chosen = |config: &Config, named: Option<&str>| {
            let named = named.map(|name| name.parse().unwrap());
            choose(config, named.as_ref(), &inside).map(|policy| policy.repository.to_string())
        };
        assert_eq!(chosen(&both, Some("Acme/API")).unwrap(), "acme/api");
        assert!(matches!(chosen(&both, Some("acme/web")), Err(Failure::NotFound(_))));
        assert!(matches!(chosen(&both, None), Err(Failure::Usage(_))));
        assert_eq!(chosen(&config(&["acme/shop"]), None).unwrap(), "acme/shop");

        fs::create_dir(here.path().join(".git")).unwrap();
        let origin = "[remote \"origin\"]\n\turl = git@github.com:acme/api.git\n";
        fs::write(here.path().join(".git/config"), origin).unwrap();
        assert_eq!(chosen(&both, None).unwrap(), "acme/api");

        // A linked work tree, elsewhere.
        let linked = tempfile::tempdir().unwrap();
        let git = here.path().join(".git/worktrees/linked");
        fs::create_dir_all(&git).unwrap();
        fs::write(git.join("commondir"), "../..\n").unwrap();
        fs::write(linked.path().join(".git"), format!("gitdir: {}\n", git.display())).unwrap();
        let policy = choose(&both, None, linked.path()).unwrap();
        assert_eq!(policy.repository.to_string(), "acme/api");
    }

    #[test]
    fn origin_is_told_from_other_remotes() {
        let config = "[core]\n\turl = x\n[remote \"fork\"]\n\turl = git@github.com:me/shop\n\
                      [remote \"origin\"]\n\tfetch = +refs\n\turl = git@github.com:acme/shop\n";
        assert_eq!(origin_url(config), Some("git@github.com:acme/shop"));
    }
}
