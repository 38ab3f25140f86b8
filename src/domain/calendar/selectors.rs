//! Which lanes an entry of the calendar is about.

use crate::domain::RepoName;

/// Selectors of an entry. Each that is there must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalendarSelectors {
    /// None: all repositories.
    pub repositories: Option<Vec<RepoPattern>>,
    /// None: all environments.
    pub environments: Option<Vec<String>>,
}

impl CalendarSelectors {
    /// Whether the lane of this repository and environment is meant.
    #[must_use]
    pub fn select(&self, repository: &RepoName, environment: &str) -> bool {
        let repositories = self.repositories.as_ref();
        let environments = self.environments.as_ref();
        repositories.is_none_or(|all| all.iter().any(|one| one.matches(repository)))
            && environments.is_none_or(|all| all.iter().any(|one| one == environment))
    }
}

/// Names of repositories: `OWNER/NAME`, in which `*` stands for anything but a slash. Like
/// GitHub, it ignores case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoPattern {
    written: String,
    owner: String,
    name: String,
}

/// The given text is not a pattern of repositories' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected OWNER/NAME, in which `*` stands for anything but a slash, as in acme/*")]
pub struct RepoPatternError;

impl RepoPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If the text can match no repository.
    pub fn new(written: &str) -> Result<Self, RepoPatternError> {
        let fits = |part: &str| {
            let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
            !part.is_empty() && part.len() <= 100 && part.bytes().all(is_known)
        };
        let (owner, name) = written.split_once('/').ok_or(RepoPatternError)?;
        if !fits(owner) || !fits(name) {
            return Err(RepoPatternError);
        }
        let (owner, name) = (owner.to_ascii_lowercase(), name.to_ascii_lowercase());
        Ok(Self { written: written.to_owned(), owner, name })
    }

    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }

    #[must_use]
    pub fn matches(&self, repository: &RepoName) -> bool {
        matches_part(&self.owner, &repository.owner().to_ascii_lowercase())
            && matches_part(&self.name, &repository.name().to_ascii_lowercase())
    }
}

/// The texts between the stars must follow one another: the first at the beginning, the last at
/// the end, each other one as early as it can be.
fn matches_part(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_but_a_slash() {
        for (pattern, name, matches) in [
            ("acme/*", "acme/shop", true),
            ("ACME/*", "acme/Shop", true),
            ("*/shop", "acme/shop", true),
            ("*/*", "acme/shop", true),
            ("acme/shop", "acme/shop", true),
            ("acme/shop", "acme/shop-api", false),
            ("acme/*-api", "acme/shop-api", true),
            ("acme/a*b*c", "acme/abbbc", true),
            ("acme/a*a", "acme/a", false),
            ("acme/**", "acme/shop", true),
            ("ac*", "acme/shop", false),
            ("other/*", "acme/shop", false),
        ] {
            let found =
                RepoPattern::new(pattern).is_ok_and(|one| one.matches(&name.parse().unwrap()));
            assert_eq!(found, matches, "{pattern} {name}");
        }
        for wrong in ["", "*", "acme", "/shop", "acme/", "a/b/c", "acme/[a]", "acme/ shop"] {
            assert_eq!(RepoPattern::new(wrong), Err(RepoPatternError), "{wrong}");
        }
    }
}
