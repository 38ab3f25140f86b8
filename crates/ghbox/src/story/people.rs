//! Who is who in a story.

use crate::{GhBox, Repo, Role, UserKind};

/// Somebody, as seen from one repository: a handle.
#[derive(Clone)]
pub struct Person {
    repo: Repo,
    login: String,
}

impl Repo {
    /// Somebody with an account, who has no role here until a story gives them one.
    pub fn person(&self, login: &str) -> Person {
        self.github().add_user(login, UserKind::User);
        Person { repo: self.clone(), login: login.to_owned() }
    }

    /// An App's account, `login[bot]`, which is no person whatever its role.
    pub fn bot(&self, login: &str) -> Person {
        let login = format!("{}[bot]", login.trim_end_matches("[bot]"));
        self.github().add_user(&login, UserKind::Bot);
        Person { repo: self.clone(), login }
    }
}

impl Person {
    /// What they are called.
    #[must_use]
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Gives them this role.
    pub fn role(&self, role: Role) -> &Self {
        self.repo.add_collaborator(&self.login, role);
        self
    }

    /// Gives them a custom role that stands on this one.
    pub fn custom_role(&self, name: &str, base: Role) -> &Self {
        self.repo.add_in_custom_role(&self.login, name, base);
        self
    }

    /// Takes their role away.
    pub fn no_role(&self) -> &Self {
        self.repo.remove_collaborator(&self.login);
        self
    }

    /// Deletes their account: see [`GhBox::delete_user`].
    pub fn delete_account(&self) {
        self.github().delete_user(&self.login);
    }

    fn github(&self) -> &GhBox {
        self.repo.github()
    }
}
