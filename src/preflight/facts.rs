//! What GitHub has of a repository, read once. Decides nothing.

use crate::domain::{
    ApprovalMode, Named, Policy, RepoName, Repository, Sha, Workflow, WorkflowName,
};
use crate::github::{
    FileText, Granted, Located, PermissionProbe, ReadError, Reader, RepositoryAccess,
};

/// What came of a read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum FactRead<T> {
    /// Nothing asks for it, or what it hangs on is not there.
    #[default]
    NotAsked,
    /// This.
    Known(T),
    /// GitHub said no.
    Refused(ReadError),
    /// No answer for now.
    Failed(ReadError),
}

impl<T> From<Result<T, ReadError>> for FactRead<T> {
    fn from(read: Result<T, ReadError>) -> Self {
        match read {
            Ok(value) => Self::Known(value),
            Err(error) if error.is_transient() => Self::Failed(error),
            Err(error @ ReadError::BadCredentials { .. }) => Self::Failed(error),
            Err(error) => Self::Refused(error),
        }
    }
}

impl<T> FactRead<T> {
    pub(super) const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::NotAsked | Self::Refused(_) | Self::Failed(_) => None,
        }
    }

    pub(super) const fn refused(&self) -> Option<&ReadError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::NotAsked | Self::Known(_) | Self::Failed(_) => None,
        }
    }

    const fn failed(&self) -> Option<&ReadError> {
        match self {
            Self::Failed(error) => Some(error),
            Self::NotAsked | Self::Known(_) | Self::Refused(_) => None,
        }
    }
}

/// What GitHub has of a repository.
#[derive(Clone, Debug)]
pub(super) struct PreflightFacts {
    /// What it tells of the token.
    pub(super) granted: Granted,
    pub(super) repository: FactRead<Located<Repository>>,
    pub(super) access: FactRead<RepositoryAccess>,
    /// The branch's tip.
    pub(super) tip: FactRead<Option<Sha>>,
    pub(super) workflows: FactRead<Vec<Workflow>>,
    /// The verification workflow's file on the branch.
    pub(super) verification_file: FactRead<Option<FileText>>,
    /// The deploy workflow's file on the default branch.
    pub(super) deploy_file_default: FactRead<Option<FileText>>,
    /// What `deploy_workflow_ref` names.
    pub(super) deploy_ref: FactRead<Option<Sha>>,
    /// The deploy workflow's file there.
    pub(super) deploy_file: FactRead<Option<FileText>>,
    /// The labels, where one of them approves; none where there are too many.
    pub(super) labels: FactRead<Option<Vec<String>>>,
    /// Reads that were made to see whether they are allowed.
    pub(super) probes: Vec<(PermissionProbe, FactRead<()>)>,
}

impl PreflightFacts {
    pub(super) const fn nothing(granted: Granted) -> Self {
        Self {
            granted,
            repository: FactRead::NotAsked,
            access: FactRead::NotAsked,
            tip: FactRead::NotAsked,
            workflows: FactRead::NotAsked,
            verification_file: FactRead::NotAsked,
            deploy_file_default: FactRead::NotAsked,
            deploy_ref: FactRead::NotAsked,
            deploy_file: FactRead::NotAsked,
            labels: FactRead::NotAsked,
            probes: Vec::new(),
        }
    }

    /// Reads what the policy rests on.
    pub(super) async fn read(reader: &Reader, policy: &Policy, granted: Granted) -> Self {
        let mut facts = Self::nothing(granted);
        facts.repository = reader.repository(&policy.repository).await.into();
        let FactRead::Known(found) = &facts.repository else { return facts };
        // After a rename GitHub answers under the new name alone.
        let (name, default) = (found.value.name.clone(), found.value.default_branch.clone());
        facts.access = reader.access(&name).await.into();
        let branch = policy.branch.as_ref().unwrap_or(&default);
        facts.tip = reader.branch_tip(&name, branch).await.into();
        facts.workflows = reader.workflows(&name).await.into();
        let verification = facts.path_of(&policy.verification_workflow);
        if let (Some(path), Some(Some(_))) = (verification, facts.tip.known()) {
            facts.verification_file = reader.file_text(&name, &path, branch.as_str()).await.into();
        }
        let deploy = policy.deploy_workflow.as_ref().and_then(|named| facts.path_of(named));
        if let Some(path) = deploy {
            let at = policy.deploy_workflow_ref.as_ref().unwrap_or(&default);
            // A branch: what resolves as a commit may be a tag, on which nothing is dispatched.
            facts.deploy_ref = if at == branch {
                facts.tip.clone()
            } else {
                reader.branch_tip(&name, at).await.into()
            };
            facts.deploy_file = reader.file_text(&name, &path, at.as_str()).await.into();
            facts.deploy_file_default = if *at == default {
                facts.deploy_file.clone()
            } else {
                reader.file_text(&name, &path, default.as_str()).await.into()
            };
        }
        if policy.approval_modes.contains(&ApprovalMode::Label) {
            facts.labels = reader.labels(&name).await.into();
        }
        facts.probe(reader, &name).await;
        facts
    }

    /// Sees what the token may read, where GitHub does not tell.
    async fn probe(&mut self, reader: &Reader, name: &RepoName) {
        let (Granted::NotTold { .. }, Some(Some(tip))) = (&self.granted, self.tip.known()) else {
            return;
        };
        let tip = tip.clone();
        for probe in
            [PermissionProbe::Statuses, PermissionProbe::Issues, PermissionProbe::PullRequests]
        {
            self.probes.push((probe, reader.probe(name, &tip, probe).await.into()));
        }
    }

    /// The file of the workflow that is meant, where it is known and is a file.
    fn path_of(&self, named: &WorkflowName) -> Option<String> {
        match named.among(self.workflows.known()?) {
            // GitHub's own workflows have paths that are no files.
            Named::One(one) if one.path.starts_with(".github/") => {
                Some(one.path.split('@').next().unwrap_or_default().to_owned())
            }
            Named::One(_) | Named::Nothing | Named::Several(_) => None,
        }
    }

    /// What could not be asked.
    pub(super) fn failures(&self) -> Vec<&ReadError> {
        let mut failures = vec![
            self.repository.failed(),
            self.access.failed(),
            self.tip.failed(),
            self.workflows.failed(),
            self.verification_file.failed(),
            self.deploy_ref.failed(),
            self.deploy_file.failed(),
            self.deploy_file_default.failed(),
            self.labels.failed(),
        ];
        failures.extend(self.probes.iter().map(|(_, seen)| seen.failed()));
        failures.into_iter().flatten().collect()
    }
}
