//! Why a command could not do what was asked.

/// What went wrong, by whom it can be mended. The text says what, on what, why, and what now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The command or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// GitHub, the store, the controller or the system failed.
    #[error("{0}")]
    Dependency(String),
    /// There is no such repository or sha.
    #[error("{0}")]
    NotFound(String),
}
