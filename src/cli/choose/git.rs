//! Finds the git remote of a directory by reading git's files, so that git need not be installed.
//!
//! Only the repository's own `config` file is read; `include` and `insteadOf` have no effect.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Here;

/// Maximum number of bytes to read of a file; the rest is ignored.
const LONGEST_FILE: u64 = 1024 * 1024;

/// The remotes of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remotes {
    /// There is no git repository, or it has no remote.
    None,
    /// The URL of `origin`, or of the only remote.
    Url(String),
    /// The number of remotes, if there are several and none is `origin`.
    Several(usize),
}

/// The remotes of the repository that contains `here`.
pub(super) fn remotes(here: &Here) -> Remotes {
    let config = git_directory(here).and_then(|git| read(&common(&git).join("config")));
    pick(config.as_deref().map(addresses).unwrap_or_default())
}

fn pick(mut remotes: Vec<(String, String)>) -> Remotes {
    if let Some(at) = remotes.iter().position(|(name, _)| name == "origin") {
        return Remotes::Url(remotes.swap_remove(at).1);
    }
    match remotes.len() {
        0 => Remotes::None,
        1 => Remotes::Url(remotes.swap_remove(0).1),
        several => Remotes::Several(several),
    }
}

/// The git directory: `GIT_DIR` if set, else the nearest one, searching from the working directory
/// upward.
fn git_directory(here: &Here) -> Option<PathBuf> {
    if let Some(given) = here.git_dir.as_ref().filter(|given| !given.as_os_str().is_empty()) {
        return followed(&here.directory.join(given));
    }
    for around in here.directory.ancestors() {
        let git = around.join(".git");
        let found = followed(&git).or_else(|| is_one(around).then(|| around.to_owned()));
        // Like git, stop at a `.git` file whose target is missing.
        if found.is_some() || git.is_file() {
            return found;
        }
    }
    None
}

/// Resolves `.git`. In submodules and linked worktrees it is a file that names the git directory.
fn followed(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return is_one(git).then(|| git.to_owned());
    }
    let text = read(git)?;
    let named = text.strip_prefix("gitdir:")?.trim();
    Some(git.parent()?.join(named)).filter(|named| is_one(named))
}

/// Whether `directory` looks like a git directory, by approximately git's own rules.
fn is_one(directory: &Path) -> bool {
    let has = |name: &str| directory.join(name).symlink_metadata().is_ok();
    has("HEAD") && (has("commondir") || has("objects"))
}

/// The directory that holds `config`: a linked worktree shares that of the main worktree.
fn common(git: &Path) -> PathBuf {
    match read(&git.join("commondir")) {
        Some(common) => git.join(common.trim()),
        None => git.to_owned(),
    }
}

fn read(path: &Path) -> Option<String> {
    // Reading something other than a regular file, such as a pipe, might never end.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    File::open(path).ok()?.take(LONGEST_FILE).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The name and first URL of each remote, in the order of the config file.
fn addresses(config: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut remote = None;
    for line in config.lines().map(str::trim) {
        let rest = match line.strip_prefix('[') {
            Some(header) => {
                let Some((name, rest)) = section(header) else { continue };
                remote = name;
                rest
            }
            None => line,
        };
        if let Some(name) = &remote
            && let Some((key, written)) = rest.split_once('=')
            && key.trim().eq_ignore_ascii_case("url")
            && !found.iter().any(|(known, _)| known == name)
        {
            found.push((name.clone(), value(written)));
        }
    }
    found
}

/// Parses a section header without its opening bracket. Returns the name of the remote, if it is a
/// remote's section, and the rest of the line.
fn section(header: &str) -> Option<(Option<String>, &str)> {
    let end = header.find([']', '"'])?;
    let (before, rest) = header.split_at(end);
    if !rest.starts_with('"') {
        // `[core]`, or the deprecated syntax `[remote.origin]`.
        let (kind, name) = before.split_once('.').unwrap_or((before, ""));
        let is_remote = kind.trim().eq_ignore_ascii_case("remote") && !name.is_empty();
        return Some((is_remote.then(|| name.to_ascii_lowercase()), rest.get(1..)?));
    }
    let mut name = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => {
                let rest = rest.get(at + 1..)?.trim_start().strip_prefix(']')?;
                let is_remote = before.trim().eq_ignore_ascii_case("remote");
                return Some((is_remote.then_some(name), rest));
            }
            '\\' => name.push(characters.next()?.1),
            other => name.push(other),
        }
    }
    None
}

/// Decodes a value: removes quotes, escapes and the trailing comment.
fn value(written: &str) -> String {
    let mut value = String::new();
    let mut is_quoted = false;
    let mut characters = written.trim().chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => is_quoted = !is_quoted,
            '\\' => value.extend(characters.next()),
            '#' | ';' if !is_quoted => break,
            other => value.push(other),
        }
    }
    value.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_is_read_as_git_reads_it() {
        let config = "# [remote \"no\"]\n[core]\n\turl = x\n\
            [remote \"fork\"]\n\tpushurl = p\n\tURL = git@github.com:me/shop ; mine\n\
            [ReMoTe \"origin\" ] # ours\n\tfetch = +refs\n\turl = \"https://h/a#b\"\n\turl = second\n\
            [remote \"a \\\"b\\\" ]\"] url = c\n[remote.Old]\nurl=d\n[branch \"main\"]\n\
            \tremote = origin\n\turl = x\n[remote]\n\turl = x\n[remote \"bare\"]\n[broken\n";
        let found = addresses(config);
        let found: Vec<_> = found.iter().map(|(name, url)| (&**name, &**url)).collect();
        assert_eq!(
            found,
            [
                ("fork", "git@github.com:me/shop"),
                ("origin", "https://h/a#b"),
                ("a \"b\" ]", "c"),
                ("old", "d"),
            ]
        );
    }

    #[test]
    fn origin_is_taken_or_else_the_only_one() {
        let remotes = |names: &[&str]| {
            pick(names.iter().map(|name| ((*name).to_owned(), format!("of {name}"))).collect())
        };
        assert_eq!(remotes(&[]), Remotes::None);
        assert_eq!(remotes(&["upstream"]), Remotes::Url("of upstream".into()));
        assert_eq!(remotes(&["fork", "origin"]), Remotes::Url("of origin".into()));
        assert_eq!(remotes(&["fork", "upstream"]), Remotes::Several(2));
    }
}
