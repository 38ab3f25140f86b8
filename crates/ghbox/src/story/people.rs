//! The people of a story.

use crate::{GhBox, Repo, Role, UserKind};

/// A handle to a user, in the context of one repository.
#[derive(Clone)]
pub struct Person {
    repo: Repo,
    login: String,
}

impl Repo {
    /// A person with an account, but no role in this repository yet.
    pub fn person(&self, login: &str) -> Person {
        self.github().add_user(login, UserKind::User);
        Person { repo: self.clone(), login: login.to_owned() }
    }

    /// An App's account, `login[bot]`, which is not a person whatever its role.
    pub fn bot(&self, login: &str) -> Person {
        let login = format!("{}[bot]", login.trim_end_matches("[bot]"));
        self.github().add_user(&login, UserKind::Bot);
        Person { repo: self.clone(), login }
    }
}

impl Person {
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Gives this user a role.
    pub fn role(&self, role: Role) -> &Self {
        self.repo.add_collaborator(&self.login, role);
        self
    }

    /// Gives this user a custom role that is based on `base`.
    pub fn custom_role(&self, name: &str, base: Role) -> &Self {
        self.repo.add_in_custom_role(&self.login, name, base);
        self
    }

    /// Removes this user's role.
    pub fn no_role(&self) -> &Self {
        self.repo.remove_collaborator(&self.login);
        self
    }

    /// Deletes the account: see [`GhBox::delete_user`].
    pub fn delete_account(&self) {
        self.github().delete_user(&self.login);
    }

    fn github(&self) -> &GhBox {
        self.repo.github()
    }
}
