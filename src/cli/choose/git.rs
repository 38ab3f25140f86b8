//! The git remote of a directory, read from git's own files: git need not be installed.
//!
//! Only the repository's own `config` is read. What `include` or `insteadOf` add elsewhere is not.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::Here;

/// A larger file is no repository's config.
const LONGEST_FILE: u64 = 1024 * 1024;

/// What a directory's remotes come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remotes {
    /// No git repository, or one without remotes.
    None,
    /// The address of `origin`, or of the only one.
    Url(String),
    /// So many, none of them `origin`.
    Several(usize),
}

/// The remotes of the repository around `here`.
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

/// What `GIT_DIR` names, else the first of the directory and those around it that has one.
fn git_directory(here: &Here) -> Option<PathBuf> {
    if let Some(given) = here.git_dir.as_ref().filter(|given| !given.as_os_str().is_empty()) {
        return followed(&here.directory.join(given));
    }
    for around in here.directory.ancestors() {
        let git = around.join(".git");
        let found = followed(&git).or_else(|| is_one(around).then(|| around.to_owned()));
        // A file that leads nowhere is broken, and no reason to look further out.
        if found.is_some() || git.is_file() {
            return found;
        }
    }
    None
}

/// Where `.git` is a file, it names the directory, as in submodules and linked work trees.
fn followed(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return is_one(git).then(|| git.to_owned());
    }
    let text = read(git)?;
    let named = text.strip_prefix("gitdir:")?.trim();
    Some(git.parent()?.join(named)).filter(|named| is_one(named))
}

/// Whether git itself takes it for its directory, more or less.
fn is_one(directory: &Path) -> bool {
    let has = |name: &str| directory.join(name).symlink_metadata().is_ok();
    has("HEAD") && (has("commondir") || has("objects"))
}

/// Where the config is: a linked work tree has it in common with its main one.
fn common(git: &Path) -> PathBuf {
    match read(&git.join("commondir")) {
        Some(common) => git.join(common.trim()),
        None => git.to_owned(),
    }
}

fn read(path: &Path) -> Option<String> {
    // Whatever is no file might never end.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    File::open(path).ok()?.take(LONGEST_FILE).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Each remote's name and first address, in the order of the config.
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

/// The remote that a section's header names, and what follows on its line.
fn section(header: &str) -> Option<(Option<String>, &str)> {
    let end = header.find([']', '"'])?;
    let (before, rest) = header.split_at(end);
    if !rest.starts_with('"') {
        // `[core]`, or `[remote.origin]` as it was once written.
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

/// A value without its quotes, escapes and comment.
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
