//! Test API: people, bots, and their roles.

use super::{Repo, Team};
use crate::GhBox;
use crate::people::{Ghost, Role, Standing, UserKind};

impl GhBox {
    /// Registers a user. A login that was not registered is a person, or a bot if it ends in
    /// `[bot]`.
    pub fn add_user(&self, login: &str, kind: UserKind) {
        self.world().user_of_kind(login, kind);
    }

    /// Deletes an account together with everything it owns, its tokens and its roles. What the
    /// user wrote stays, but no longer names its author: see [`Ghost`]. The login is never
    /// reused.
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

    /// How answers represent deleted accounts. Default: [`Ghost::Null`].
    pub fn show_ghosts_as(&self, ghost: Ghost) {
        self.world().server.ghost = ghost;
    }
}

impl Repo {
    /// Gives a user a role in this repository.
    pub fn add_collaborator(&self, login: &str, role: Role) {
        self.stand(login, Standing::of(role));
    }

    /// Gives a user one of the organization's custom roles, which is based on a standard role.
    pub fn add_in_custom_role(&self, login: &str, name: &str, base: Role) {
        self.stand(login, Standing { role: base, custom: Some(name.to_owned()) });
    }

    /// Gives a team of the owning organization a role in this repository.
    pub fn add_team(&self, team: &Team, role: Role) {
        self.here(|repository| repository.teams.insert(team.slug().to_lowercase(), role));
    }

    fn stand(&self, login: &str, standing: Standing) {
        self.with(|world| world.user(login));
        self.here(|repository| repository.collaborators.insert(login.to_lowercase(), standing));
    }

    /// Removes a user's role.
    pub fn remove_collaborator(&self, login: &str) {
        self.here(|repository| repository.collaborators.remove(&login.to_lowercase()));
    }
}
