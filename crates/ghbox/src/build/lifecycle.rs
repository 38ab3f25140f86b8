//! Test API: changes to a repository as a whole, such as renames, visibility and deletion.

use super::Repo;
use crate::git::Git;
use crate::misuse;
use crate::people::{Role, Standing};

impl Repo {
    /// Changes the default branch. The workflows in its tree become the repository's workflows.
    pub fn set_default_branch(&self, name: &str) {
        self.change(|repository, now, ids| {
            name.clone_into(&mut repository.default_branch);
            let tree =
                repository.git.tree_of(repository.git.branches.get(name).map(String::as_str));
            repository.actions.follow(&tree, now, ids);
        });
    }

    /// Renames or transfers the repository. The old name redirects until it is used again.
    pub fn rename(&self, full_name: &str) {
        let Some((owner, name)) = full_name.split_once('/') else {
            misuse(format_args!("a repository called {full_name:?}, without an owner"))
        };
        self.here(|repository| {
            owner.clone_into(&mut repository.owner);
            name.clone_into(&mut repository.name);
            let admin = Standing::of(Role::Admin);
            repository.collaborators.insert(owner.to_lowercase(), admin);
        });
        self.with(|world| {
            world.user(owner);
            world.names.insert(full_name.to_lowercase(), self.id)
        });
    }

    /// Deletes the repository: it gets 404, and the name is free.
    pub fn delete(&self) {
        self.with(|world| {
            world.repositories.remove(&self.id);
            world.names.retain(|_, id| *id != self.id);
        });
    }

    /// Hides the repository from everybody, as if it had become private, or shows it again.
    pub fn set_hidden(&self, hidden: bool) {
        self.here(|repository| repository.hidden = hidden);
    }

    /// Makes the repository private (the default) or public.
    pub fn set_private(&self, private: bool) {
        self.here(|repository| repository.private = private);
    }

    /// Archives or unarchives the repository. Reads work while archived; writes get 403.
    pub fn set_archived(&self, archived: bool) {
        self.here(|repository| repository.archived = archived);
    }

    /// Turns issues off (410) or on.
    pub fn set_has_issues(&self, has_issues: bool) {
        self.here(|repository| repository.has_issues = has_issues);
    }

    /// Removes all commits and branches.
    pub fn empty(&self) {
        self.here(|repository| {
            let salt = repository.git.salt;
            repository.git = Git { salt, ..Git::default() };
        });
    }
}
