//! Requests to a controller, their callers, and their failures.
//!
//! The running controller carries out a request. If none runs, the command that makes the request
//! carries it out in its own process.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::controller::Controller;
use crate::store::Store;

mod account;
mod caller;
mod failure;

pub use caller::{Caller, name_of, single_line};
pub use failure::CommandFailure;

/// A request that an operator makes to a controller.
pub trait ControllerRequest: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The name of its command on the command line.
    const NAME: &'static str;

    /// The maximum size of the encoded request, in bytes.
    const LARGEST: usize = 16 * 1024;

    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Whether it may write to GitHub.
    fn writes(&self) -> bool;

    fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> impl Future<Output = Result<Self::Answer, CommandFailure>> + Send;
}

/// A request that the store alone can answer, without GitHub and without a token.
pub trait StoreRequest: ControllerRequest {
    /// Answers from `store`, which is `None` if the state directory has no store yet.
    fn of_store(
        self,
        config: &Config,
        store: Option<&Store>,
    ) -> impl Future<Output = Result<Self::Answer, CommandFailure>> + Send;
}
