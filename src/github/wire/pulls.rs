//! Pull requests: which one brought a commit, their history, and users' permissions.

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::bounded::BoundedPage;
use super::{Unusable, WireListedCommit, parse};
use crate::domain::{
    ApprovalCommand, Branch, Comment, ListedCommit, Login, MergedPull, Permission, Person,
    PullEvent, PullNumber, RepositoryRole, Sha, UserId,
};

/// The account that represents all deleted accounts. Source: GitHub's documentation of deleting
/// an account ("associated with the Ghost user").
const GHOST: &str = "ghost";

#[derive(Deserialize)]
struct WireActor {
    id: UserId,
    login: Login,
    #[serde(rename = "type", default)]
    kind: String,
}

/// The person; `None` for a deleted account.
fn person(actor: Option<WireActor>) -> Option<Person> {
    let actor = actor.filter(|actor| actor.login != Login::from(GHOST))?;
    let is_bot = actor.kind == "Bot" || actor.login.is_of_a_bot();
    Some(Person { id: actor.id, login: actor.login, is_bot })
}

#[derive(Deserialize)]
pub(in crate::github) struct WirePull {
    number: PullNumber,
    user: Option<WireActor>,
    merged_at: Option<Timestamp>,
    merge_commit_sha: Option<Sha>,
    base: WireBase,
    head: WireHead,
}

#[derive(Deserialize)]
struct WireBase {
    #[serde(rename = "ref")]
    branch: Branch,
}

#[derive(Deserialize)]
struct WireHead {
    sha: Sha,
}

impl WirePull {
    /// The pull request and the branch that it was merged into. `None` if it was not merged:
    /// for commits off the default branch, GitHub also lists open pull requests.
    pub(in crate::github) fn merged(self) -> Option<(Branch, MergedPull)> {
        self.merged_at?;
        let pull = MergedPull {
            number: self.number,
            author: person(self.user),
            head: self.head.sha,
            merge_commit: self.merge_commit_sha,
        };
        Some((self.base.branch, pull))
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct WireLabels {
    labels: BoundedPage<WireNamed>,
}

#[derive(Deserialize)]
struct WireNamed {
    name: String,
}

impl WireLabels {
    pub(in crate::github) fn names(self) -> Vec<String> {
        self.labels.into_iter().map(|label| label.name).collect()
    }
}

/// A timeline event. Which fields are present depends on its kind.
#[derive(Deserialize)]
struct WireEvent {
    actor: Option<WireActor>,
    user: Option<WireActor>,
    label: Option<WireNamed>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    body: Option<String>,
    author_association: Option<String>,
    performed_via_github_app: Option<WireApp>,
}

#[derive(Deserialize)]
struct WireApp {
    slug: Option<String>,
}

/// The events of a timeline page, in order. `None` for kinds that neither approval nor risk
/// depends on, including unknown ones: these are not parsed further.
pub(in crate::github) fn events(
    body: &[u8],
    command: &ApprovalCommand,
) -> Result<Vec<Option<PullEvent>>, Unusable> {
    let page: BoundedPage<Box<RawValue>> = parse(body)?;
    page.into_iter().map(|event| read_event(event.get(), command)).collect()
}

/// The fields that determine an event's kind. Events of other kinds may have any values in
/// them.
#[derive(Deserialize)]
struct WireKind {
    event: Option<Text>,
    sha: Option<Text>,
    commit_id: Option<Text>,
    tree: Option<IgnoredAny>,
    parents: Option<IgnoredAny>,
}

impl WireKind {
    /// The event's kind. If it names none, its required fields show whether it is a commit.
    fn name(&self) -> &str {
        match self.event.as_ref().and_then(|event| event.0.as_deref()) {
            Some(kind) => kind,
            None if self.sha.is_some() && self.tree.is_some() && self.parents.is_some() => {
                "committed"
            }
            None => "",
        }
    }
}

fn sha_in(text: Option<&Text>) -> Option<Sha> {
    text?.0.as_deref()?.parse().ok()
}

fn read_event(event: &str, command: &ApprovalCommand) -> Result<Option<PullEvent>, Unusable> {
    if !event.starts_with('{') {
        return Ok(None);
    }
    let kind: WireKind = parse(event.as_bytes())?;
    let whole = || parse::<WireEvent>(event.as_bytes());
    Ok(match kind.name() {
        "committed" => Some(PullEvent::Pushed { sha: sha_in(kind.sha.as_ref()) }),
        "head_ref_force_pushed" => Some(PullEvent::Pushed { sha: sha_in(kind.commit_id.as_ref()) }),
        // A new base adds commits that were not part of the pull request before, and so do
        // commits that a force push removed from the base.
        "base_ref_changed" | "base_ref_force_pushed" | "automatic_base_change_succeeded" => {
            Some(PullEvent::Pushed { sha: None })
        }
        "merged" => Some(PullEvent::Merged),
        "labeled" => {
            let event = whole()?;
            Some(PullEvent::Labeled {
                label: event.label.ok_or("labeled without a label")?.name,
                by: person(event.actor),
                at: event.created_at.ok_or("labeled without a time")?,
            })
        }
        "unlabeled" => {
            let event = whole()?;
            let label = event.label.ok_or("unlabeled without a label")?.name;
            let at = event.created_at.ok_or("unlabeled without a time")?;
            Some(PullEvent::Unlabeled { label, at })
        }
        "commented" => Some(PullEvent::Commented(comment(whole()?, command)?)),
        _ => None,
    })
}

/// A string; any other value is ignored.
struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self(raw.starts_with('"').then(|| serde_json::from_str(raw).ok()).flatten()))
    }
}

fn comment(event: WireEvent, command: &ApprovalCommand) -> Result<Comment, String> {
    let at = event.created_at.ok_or("commented without a time")?;
    let association = event.author_association.unwrap_or_default();
    Ok(Comment {
        by: person(event.user.or(event.actor)),
        at,
        spoken: command.spoken_in(&event.body.unwrap_or_default()),
        // A comment without `updated_at` may have been edited.
        is_edited: event.updated_at != Some(at),
        through_app: event
            .performed_via_github_app
            .map(|app| app.slug.unwrap_or_else(|| "an App".to_owned())),
        is_from_inside: matches!(association.as_str(), "OWNER" | "MEMBER" | "COLLABORATOR"),
    })
}

#[derive(Deserialize)]
pub(in crate::github) struct WireStanding {
    permission: String,
    role_name: Option<String>,
    user: Option<WireRights>,
}

#[derive(Deserialize)]
struct WireRights {
    permissions: Option<WireFlags>,
}

#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "these are GitHub's own fields")]
struct WireFlags {
    #[serde(default)]
    pull: bool,
    #[serde(default)]
    triage: bool,
    #[serde(default)]
    push: bool,
    #[serde(default)]
    maintain: bool,
    #[serde(default)]
    admin: bool,
}

impl WireFlags {
    const fn permission(&self) -> Option<Permission> {
        if self.admin {
            Some(Permission::Admin)
        } else if self.maintain {
            Some(Permission::Maintain)
        } else if self.push {
            Some(Permission::Write)
        } else if self.triage {
            Some(Permission::Triage)
        } else if self.pull {
            Some(Permission::Read)
        } else {
            None
        }
    }
}

impl WireStanding {
    /// `permission` does not distinguish maintain and triage, so the role's name comes first. A
    /// custom role is mapped by its rights, or else by `permission`, which shows the role that
    /// it is based on.
    pub(in crate::github) fn domain(self) -> RepositoryRole {
        let role = self.role_name.unwrap_or_else(|| self.permission.clone());
        let rights = self.user.and_then(|user| user.permissions);
        let by_rights = rights.and_then(|rights| rights.permission());
        let permission = match Permission::of_role(&role) {
            Some(permission) => Some(permission),
            None if role == "none" || self.permission == "none" => None,
            None => by_rights.or_else(|| Permission::of_role(&self.permission)),
        };
        RepositoryRole { permission, role }
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct WireMembership {
    state: String,
}

impl WireMembership {
    /// A pending invitation is not a membership.
    pub(in crate::github) fn is_active(&self) -> bool {
        self.state == "active"
    }
}

#[derive(Deserialize)]
pub(in crate::github) struct WireComparedCommits {
    total_commits: usize,
    commits: BoundedPage<WireListedCommit>,
}

impl WireComparedCommits {
    /// Each commit of the page with its message, and the total number of commits.
    pub(in crate::github) fn with_messages(self) -> Result<Vec<(usize, ListedCommit)>, String> {
        let total = self.total_commits;
        self.commits.into_iter().map(|commit| Ok((total, commit.with_message()?))).collect()
    }

    /// Each commit of the page with its parents, and the total number of commits.
    pub(in crate::github) fn domain(self) -> Vec<(usize, (Sha, Vec<Sha>))> {
        let total = self.total_commits;
        self.commits.into_iter().map(|commit| (total, commit.domain())).collect()
    }
}

#[cfg(test)]
mod tests;
