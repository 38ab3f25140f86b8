//! What people may ask: how repositories stand, what a commit's decision is and rests on, what
//! happened, and what a policy would have done. Nothing here changes anything at GitHub.

mod backtest;
mod history;
mod overview;
mod policy_file;
mod read_model;
mod simulate;
mod status;
pub mod view;

pub use crate::controller::Since;
pub use backtest::BacktestRequest;
pub(crate) use history::said_by;
pub use history::{
    EntryWord, Filter, FleetHistoryRequest, HistoryRequest, LedgerPlace, NoSuchEntry,
};
pub use overview::OverviewRequest;
pub use policy_file::PolicyFile;
pub use read_model::{NotShown, ReadModel, Readiness, Wanted};
pub use simulate::SimulateRequest;
pub(crate) use simulate::simulation;
pub use status::StatusRequest;
