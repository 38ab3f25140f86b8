//! Test API: teams.

use crate::people::UserKind;
use crate::teams::Membership;
use crate::world::World;
use crate::{GhBox, misuse};

/// A handle to a team of an organization.
#[derive(Clone)]
pub struct Team {
    github: GhBox,
    organization: String,
    slug: String,
}

impl GhBox {
    /// Creates a team, such as `acme/release-captains`, or adds members to an existing one.
    /// Team members are members of the organization.
    pub fn team(&self, name: &str, members: &[&str]) -> Team {
        let Some((organization, slug)) = name.split_once('/') else {
            misuse(format_args!("a team called {name:?}, without its organization"))
        };
        let world = &mut *self.world();
        world.user_of_kind(organization, UserKind::Organization);
        world.teams.team_mut(organization, slug);
        let (organization, slug) = (organization.to_owned(), slug.to_owned());
        let team = Team { github: self.clone(), organization, slug };
        for login in members {
            team.put(world, login, Membership { pending: false, maintainer: false });
        }
        team
    }
}

impl Team {
    pub(super) fn slug(&self) -> &str {
        &self.slug
    }

    /// Invites a user. The membership is pending until the user accepts.
    pub fn invite(&self, login: &str) {
        self.put(&mut self.github.world(), login, Membership { pending: true, maintainer: false });
    }

    /// Makes a user a maintainer of the team.
    pub fn maintainer(&self, login: &str) {
        self.put(&mut self.github.world(), login, Membership { pending: false, maintainer: true });
    }

    /// Removes a user from the team.
    pub fn remove(&self, login: &str) {
        let mut world = self.github.world();
        let team = world.teams.team_mut(&self.organization, &self.slug);
        team.members.remove(&login.to_lowercase());
    }

    /// Makes this a child of another team, which then includes its members.
    pub fn below(&self, above: &Team) {
        let mut world = self.github.world();
        let mut next = Some(above.slug.to_lowercase());
        while let Some(slug) = next {
            if slug == self.slug.to_lowercase() {
                misuse(format_args!("the team {slug} below itself"));
            }
            next = world.teams.team(&self.organization, &slug).and_then(|one| one.parent.clone());
        }
        let team = world.teams.team_mut(&self.organization, &self.slug);
        team.parent = Some(above.slug.to_lowercase());
    }

    /// Deletes the team.
    pub fn delete(&self) {
        self.github.world().teams.remove(&self.organization, &self.slug);
    }

    fn put(&self, world: &mut World, login: &str, membership: Membership) {
        world.user(login);
        let team = world.teams.team_mut(&self.organization, &self.slug);
        team.members.insert(login.to_lowercase(), membership);
    }
}
