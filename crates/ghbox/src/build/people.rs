//! People, bots and what they may do, from a story's side.

use super::{Repo, Team};
use crate::GhBox;
use crate::people::{Ghost, Role, Standing, UserKind};

impl GhBox {
    /// Introduces a user. Logins that nobody introduced are people, or bots if they say `[bot]`.
    pub fn add_user(&self, login: &str, kind: UserKind) {
        self.world().user_of_kind(login, kind);
    }

    /// Deletes somebody's account, with all that it owns, its tokens and its roles. What they
    /// wrote stays, and says no more whose it was: see [`Ghost`]. Nobody takes the login again.
    pub fn delete_user(&self, login: &str) {
        let mut world = self.world();
        let gone = login.to_lowercase();
        world.tokens.retain(|_, token| token.login.to_lowercase() != gone);
        for repository in world.repositories.values_mut() {
            repository.collaborators.remove(&gone);
        }
        world.teams.forget(&gone);
        world.gone.insert(gone);
    }

    /// How answers speak of people whose account is gone; [`Ghost::Null`] until this is said.
    pub fn show_ghosts_as(&self, ghost: Ghost) {
        self.world().server.ghost = ghost;
    }
}

impl Repo {
    /// Gives somebody a role here.
    pub fn add_collaborator(&self, login: &str, role: Role) {
        self.stand(login, Standing::of(role));
    }

    /// Gives somebody a custom role of the organization, which stands on a role that all know.
    pub fn add_in_custom_role(&self, login: &str, name: &str, base: Role) {
        self.stand(login, Standing { role: base, custom: Some(name.to_owned()) });
    }

    /// Gives a team of its owner a role here, and with it all who are in the team.
    pub fn add_team(&self, team: &Team, role: Role) {
        self.here(|repository| repository.teams.insert(team.slug().to_lowercase(), role));
    }

    fn stand(&self, login: &str, standing: Standing) {
        self.with(|world| world.user(login));
        self.here(|repository| repository.collaborators.insert(login.to_lowercase(), standing));
    }

    /// Takes somebody's role away.
    pub fn remove_collaborator(&self, login: &str) {
        self.here(|repository| repository.collaborators.remove(&login.to_lowercase()));
    }
}
