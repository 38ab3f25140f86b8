//! What the token may, as far as GitHub tells.

use std::collections::BTreeMap;

use crate::domain::{ApprovalMode, Policy};
use crate::github::{Granted, PermissionProbe, ReadError};
use crate::messages::plain;

use super::{Findings, PreflightFacts};

/// The key that permissions are told under: the token is in a file or in the environment.
const TOKEN: &str = "token";

/// The least that a governor needs, and what for.
const NEEDS: [(&str, PermissionLevel); 6] = [
    ("metadata", PermissionLevel::Read),
    ("contents", PermissionLevel::Read),
    ("pull_requests", PermissionLevel::Read),
    ("actions", PermissionLevel::Write),
    ("statuses", PermissionLevel::Write),
    ("issues", PermissionLevel::Write),
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PermissionLevel {
    None,
    Read,
    Write,
}

impl PermissionLevel {
    fn of(word: Option<&String>) -> Self {
        match word.map(String::as_str) {
            Some("read") => Self::Read,
            Some("write" | "admin") => Self::Write,
            Some(_) | None => Self::None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

pub(super) fn may(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    match &facts.granted {
        Granted::Scopes(scopes) => scopes_suffice(scopes, facts, found),
        Granted::Permissions(granted) => permissions_suffice(granted, policy, found),
        Granted::NotTold { .. } => probes_succeeded(facts, found),
    }
}

fn scopes_suffice(scopes: &[String], facts: &PreflightFacts, found: &mut Findings<'_>) {
    let Some(access) = facts.access.known() else { return };
    let has = |wanted: &str| scopes.iter().any(|scope| scope == wanted);
    if has("repo") || (!access.private && has("public_repo")) {
        return;
    }
    let has = if scopes.is_empty() { "no scope".to_owned() } else { scopes.join(", ") };
    let what = format!("the token lacks the scope `repo`; it has {}: add it", plain(&has, 200));
    found.error(TOKEN, "repo", what);
}

fn permissions_suffice(
    granted: &BTreeMap<String, String>,
    policy: &Policy,
    found: &mut Findings<'_>,
) {
    for (name, level) in NEEDS {
        // A dry run writes nothing.
        let needed = if policy.dry_run { PermissionLevel::Read } else { level };
        let has = PermissionLevel::of(granted.get(name));
        if has < needed {
            let (needed, has) = (needed.word(), has.word());
            let what = format!("the App's installation has `{has}` there: grant it, and accept it");
            found.error(TOKEN, &format!("{name}: {needed}"), what);
        }
    }
}

fn probes_succeeded(facts: &PreflightFacts, found: &mut Findings<'_>) {
    for (probe, seen) in &facts.probes {
        let name = match probe {
            PermissionProbe::Statuses => "statuses: write",
            PermissionProbe::Issues => "issues: write",
            PermissionProbe::PullRequests => "pull_requests: read",
        };
        // Issues that are switched off are said elsewhere.
        match seen.refused() {
            None | Some(ReadError::Gone410 { .. }) => {}
            Some(error) => found.error(TOKEN, name, error.to_string()),
        }
    }
}

pub(super) fn user_may_push(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let has_a_user = match &facts.granted {
        Granted::Scopes(_) => true,
        Granted::NotTold { of_a_user } => *of_a_user,
        Granted::Permissions(_) => false,
    };
    let may_push = facts.access.known().and_then(|access| access.push);
    if has_a_user && !policy.dry_run && may_push == Some(false) {
        let what = "the token's user may not push there, and GitHub takes no dispatch and no \
                    status from them: give them write access";
        found.error(TOKEN, "push", what);
    }
}

/// Scopes by which a classic token sees who belongs to a team.
const TEAM_SCOPES: [&str; 3] = ["read:org", "write:org", "admin:org"];

/// Whether it is seen who belongs to the teams that approve: to who may not see a team, nobody does.
/// Of a fine-grained token GitHub does not tell.
pub(super) fn sees_the_teams(policy: &Policy, facts: &PreflightFacts, found: &mut Findings<'_>) {
    let is_asked = policy.approval_modes.iter().any(|mode| match mode {
        ApprovalMode::Label | ApprovalMode::Comment => true,
        ApprovalMode::Environment => false,
    });
    let teams: Vec<String> = policy.approval_teams.iter().map(ToString::to_string).collect();
    if !is_asked || teams.is_empty() {
        return;
    }
    let lacks = match &facts.granted {
        Granted::Scopes(scopes) => {
            let sees = scopes.iter().any(|scope| TEAM_SCOPES.contains(&scope.as_str()));
            (!sees).then_some("the token lacks the scope `read:org`: add it")
        }
        Granted::Permissions(granted) => (PermissionLevel::of(granted.get("members"))
            < PermissionLevel::Read)
            .then_some("the App lacks the organization's `members: read`: grant it, and accept it"),
        Granted::NotTold { .. } => None,
    };
    if let Some(lacks) = lacks {
        let what = format!("no members are visible, so nobody can approve: {lacks}");
        found.error("approval_teams", &teams.join(", "), what);
    }
}
