//! An organization's teams and their members.

use std::collections::BTreeMap;

pub(super) struct Team {
    /// The slug of the parent team.
    pub(super) parent: Option<String>,
    /// By lower-case login.
    pub(super) members: BTreeMap<String, Membership>,
}

/// A user's membership in a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    /// Invited, but not accepted yet.
    pub(super) pending: bool,
    pub(super) maintainer: bool,
}

impl Membership {
    /// The value of `state`.
    pub(super) fn state(self) -> &'static str {
        if self.pending { "pending" } else { "active" }
    }

    /// The value of `role`.
    pub(super) fn role(self) -> &'static str {
        if self.maintainer { "maintainer" } else { "member" }
    }
}

/// All teams, by organization and slug, both in lower case.
#[derive(Default)]
pub(super) struct Teams(BTreeMap<(String, String), Team>);

impl Teams {
    pub(super) fn team(&self, organization: &str, slug: &str) -> Option<&Team> {
        self.0.get(&key(organization, slug))
    }

    /// The team with this name, created if necessary.
    pub(super) fn team_mut(&mut self, organization: &str, slug: &str) -> &mut Team {
        let fresh = || Team { parent: None, members: BTreeMap::new() };
        self.0.entry(key(organization, slug)).or_insert_with(fresh)
    }

    pub(super) fn remove(&mut self, organization: &str, slug: &str) {
        self.0.remove(&key(organization, slug));
    }

    /// Removes a user from all teams.
    pub(super) fn forget(&mut self, login: &str) {
        for team in self.0.values_mut() {
            team.members.remove(&login.to_lowercase());
        }
    }

    /// A user's membership in a team. Members of a child team are members, too.
    pub(super) fn membership(
        &self,
        organization: &str,
        slug: &str,
        login: &str,
    ) -> Option<Membership> {
        let login = login.to_lowercase();
        let mut open = vec![slug.to_lowercase()];
        let mut found: Option<Membership> = None;
        // This terminates: `Team::below` refuses cycles.
        while let Some(slug) = open.pop() {
            let Some(team) = self.team(organization, &slug) else { continue };
            let here = team.members.get(&login).copied();
            found = found.filter(|known| !known.pending).or(here).or(found);
            open.extend(self.below(organization, &slug));
        }
        found
    }

    fn below(&self, organization: &str, slug: &str) -> Vec<String> {
        let teams = self.of(organization).filter(|(_, team)| team.parent.as_deref() == Some(slug));
        teams.map(|(slug, _)| slug.to_owned()).collect()
    }

    /// Whether a user is a member of an organization. Members of its teams are.
    pub(super) fn is_member(&self, organization: &str, login: &str) -> bool {
        let login = login.to_lowercase();
        let here = |team: &Team| team.members.get(&login).is_some_and(|one| !one.pending);
        self.of(organization).any(|(_, team)| here(team))
    }

    fn of(&self, organization: &str) -> impl Iterator<Item = (&str, &Team)> {
        let organization = organization.to_lowercase();
        let all = self.0.iter().filter(move |((of, _), _)| *of == organization);
        all.map(|((_, slug), team)| (slug.as_str(), team))
    }
}

fn key(organization: &str, slug: &str) -> (String, String) {
    (organization.to_lowercase(), slug.to_lowercase())
}
