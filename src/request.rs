//! What may be asked of a controller, who asks, and why it could not be done. A request is carried
//! out by the running controller, or where none runs, by one in the asking process.

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

/// Something that an operator asks of a controller.
pub trait ControllerRequest: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name, as the command line has it.
    const NAME: &'static str;

    /// The most bytes that it takes as a message.
    const LARGEST: usize = 16 * 1024;

    /// What is answered.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Whether it may need to write to GitHub.
    fn writes(&self) -> bool;

    /// Does it.
    fn carry_out(
        self,
        controller: Controller,
        caller: Caller,
    ) -> impl Future<Output = Result<Self::Answer, CommandFailure>> + Send;
}

/// A question that the store can answer by itself: without GitHub, and without a token.
pub trait StoreRequest: ControllerRequest {
    /// The answer; `store` is none where there is none yet.
    fn of_store(
        self,
        config: &Config,
        store: Option<&Store>,
    ) -> impl Future<Output = Result<Self::Answer, CommandFailure>> + Send;
}
