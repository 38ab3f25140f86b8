//! What becomes of a repository as a whole: names, owners, visibility, its end.

use super::Repo;
use crate::git::Git;
use crate::misuse;
use crate::people::{Role, Standing};

impl Repo {
    /// Makes another branch the default one; its workflows are the repository's from now on.
    pub fn set_default_branch(&self, name: &str) {
        self.change(|repository, now, ids| {
            name.clone_into(&mut repository.default_branch);
            let tree =
                repository.git.tree_of(repository.git.branches.get(name).map(String::as_str));
            repository.actions.follow(&tree, now, ids);
        });
    }

    /// Gives it another name or owner. The old name leads on until somebody takes it.
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

    /// Deletes it: 404, and the name is free.
    pub fn delete(&self) {
        self.with(|world| {
            world.repositories.remove(&self.id);
            world.names.retain(|_, id| *id != self.id);
        });
    }

    /// Hides it from everybody, as one is that became private, or shows it again.
    pub fn set_hidden(&self, hidden: bool) {
        self.here(|repository| repository.hidden = hidden);
    }

    /// Shows it to everybody, or to collaborators alone, which new ones are.
    pub fn set_private(&self, private: bool) {
        self.here(|repository| repository.private = private);
    }

    /// Archives it: reads go on, writes are 403.
    pub fn set_archived(&self, archived: bool) {
        self.here(|repository| repository.archived = archived);
    }

    /// Switches issues off (410), or on again.
    pub fn set_has_issues(&self, has_issues: bool) {
        self.here(|repository| repository.has_issues = has_issues);
    }

    /// Takes away all commits and branches.
    pub fn empty(&self) {
        self.here(|repository| {
            let salt = repository.git.salt;
            repository.git = Git { salt, ..Git::default() };
        });
    }
}
