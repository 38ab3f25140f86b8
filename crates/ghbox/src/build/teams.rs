//! Teams, from a story's side.

use crate::people::UserKind;
use crate::teams::Membership;
use crate::world::World;
use crate::{GhBox, misuse};

/// A team of an organization: a handle.
#[derive(Clone)]
pub struct Team {
    github: GhBox,
    organization: String,
    slug: String,
}

impl GhBox {
    /// A team, as `acme/release-captains`, with these members; one that is there gets them, too.
    /// Members of teams are members of the organization.
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

    /// Invites somebody, who is not in it until they came.
    pub fn invite(&self, login: &str) {
        self.put(&mut self.github.world(), login, Membership { pending: true, maintainer: false });
    }

    /// Puts somebody in charge of it.
    pub fn maintainer(&self, login: &str) {
        self.put(&mut self.github.world(), login, Membership { pending: false, maintainer: true });
    }

    /// Takes somebody out of it.
    pub fn remove(&self, login: &str) {
        let mut world = self.github.world();
        let team = world.teams.team_mut(&self.organization, &self.slug);
        team.members.remove(&login.to_lowercase());
    }

    /// Puts it below another team, whose members its own are from now on.
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

    /// Deletes it.
    pub fn delete(&self) {
        self.github.world().teams.remove(&self.organization, &self.slug);
    }

    fn put(&self, world: &mut World, login: &str, membership: Membership) {
        world.user(login);
        let team = world.teams.team_mut(&self.organization, &self.slug);
        team.members.insert(login.to_lowercase(), membership);
    }
}
