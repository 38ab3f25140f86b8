//! The arguments that name a repository or a commit.

use std::str::FromStr;

use clap::Args;
use clap_complete::ArgValueCandidates;

use crate::cli::complete::repositories;
use crate::domain::{RepoName, ShaPrefix};
use crate::request::CommandFailure;

/// The repository that a command acts on.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// The repository; default: all for `status` and `reconcile`, otherwise the repository of the
    /// working directory's git remote (`origin`, or the only remote), or the only configured one.
    #[arg(value_name = "OWNER/NAME", conflicts_with = "repo", add = governed())]
    named: Option<RepoName>,
    /// The repository, instead of the positional argument.
    #[arg(long, value_name = "OWNER/NAME", add = governed())]
    repo: Option<RepoName>,
}

impl Target {
    /// The repository given on the command line.
    #[must_use]
    pub const fn repository(&self) -> Option<&RepoName> {
        match &self.named {
            Some(name) => Some(name),
            None => self.repo.as_ref(),
        }
    }
}

/// The repository and commit that a command acts on.
#[derive(Clone, Debug, Args)]
pub struct CommitArg {
    /// The repository and the commit, of which a unique prefix suffices; default repository: that
    /// of the working directory's git remote, or the only configured one.
    #[arg(value_name = "[OWNER/NAME] SHA", num_args = 0..=2, add = governed())]
    words: Vec<TargetWord>,
    /// The repository, instead of the positional argument.
    #[arg(long, value_name = "OWNER/NAME", add = governed())]
    repo: Option<RepoName>,
    /// The commit, instead of the positional argument.
    #[arg(long, value_name = "SHA")]
    sha: Option<ShaPrefix>,
}

/// Shell completion candidates for a repository argument.
fn governed() -> ArgValueCandidates {
    ArgValueCandidates::new(repositories)
}

#[derive(Clone, Debug)]
enum TargetWord {
    Repository(RepoName),
    Sha(ShaPrefix),
}

impl FromStr for TargetWord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.contains('/') {
            text.parse().map(Self::Repository).map_err(|error| format!("{error}"))
        } else {
            text.parse().map(Self::Sha).map_err(|error| format!("{error}"))
        }
    }
}

impl CommitArg {
    /// The repository, if given, and the commit.
    ///
    /// # Errors
    /// [`CommandFailure::Usage`] if one of them is given twice, or no commit is given.
    pub fn chosen(&self) -> Result<(Option<&RepoName>, &ShaPrefix), CommandFailure> {
        let usage = |what: &str| {
            CommandFailure::Usage(format!(
                "{what}: expected [OWNER/NAME] SHA, as in acme/shop 1a2b3c4"
            ))
        };
        let (mut repository, mut sha) = (self.repo.as_ref(), self.sha.as_ref());
        for word in &self.words {
            let before = match word {
                TargetWord::Repository(name) => repository.replace(name).map(|_| "repository"),
                TargetWord::Sha(prefix) => sha.replace(prefix).map(|_| "commit"),
            };
            if let Some(what) = before {
                return Err(usage(&format!("two {what} names given")));
            }
        }
        sha.map(|sha| (repository, sha)).ok_or_else(|| usage("no commit given"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Arguments, Command};

    fn commit(words: &[&str]) -> Result<(Option<String>, String), CommandFailure> {
        let line = ["release-governor", "simulate"].iter().chain(words);
        let arguments = Arguments::try_parse_from(line).unwrap();
        let Command::Simulate(simulate) = arguments.command else { panic!("not simulate") };
        let (repository, sha) = simulate.commit.chosen()?;
        Ok((repository.map(RepoName::to_string), sha.to_string()))
    }

    #[test]
    fn a_commit_is_named_by_position_or_by_option() {
        let both = Ok((Some("acme/shop".to_owned()), "1a2b3c4".to_owned()));
        assert_eq!(commit(&["acme/shop", "1a2b3c4"]), both);
        assert_eq!(commit(&["--repo", "acme/shop", "1a2b3c4"]), both);
        assert_eq!(commit(&["acme/shop", "--sha", "1A2B3C4"]), both);
        assert_eq!(commit(&["--sha", "1a2b3c4", "--repo", "acme/shop"]), both);
        assert_eq!(commit(&["1a2b3c4"]), Ok((None, "1a2b3c4".to_owned())));
    }

    #[test]
    fn a_commit_named_twice_or_not_at_all_is_refused() {
        for words in [
            &["acme/shop"][..],
            &[],
            &["1a2b3c4", "1a2b3c5"],
            &["acme/shop", "acme/api", "--sha", "1a2b3c4"],
            &["1a2b3c4", "--sha", "1a2b3c4"],
        ] {
            assert!(matches!(commit(words), Err(CommandFailure::Usage(_))), "{words:?}");
        }
    }

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
