//! What operators may ask, one function each, and the ways to ask it: a running controller's
//! socket, or where none runs, a controller of this very process.

mod account;
mod ask;
mod backtest;
mod bootstrap;
mod check_config;
mod choose;
mod client;
mod drift;
mod failure;
mod history;
mod operator_requests;
mod overview;
mod policy_file;
mod preflight;
mod probe;
mod read_model;
mod reconcile;
mod reload;
mod serve;
mod setup;
mod simulate;
mod socket;
mod status;
mod trigger;
mod upkeep;
pub mod view;

pub use crate::controller::Since;
pub use ask::{Caller, ControllerRequest, name_of, single_line};
pub use backtest::BacktestRequest;
pub use bootstrap::{Dependencies, check_token, controller, open_store, surroundings};
pub use check_config::{Checked, CheckedRepository, check_config};
pub use choose::{Here, choose};
pub use client::{StoreRequest, look, perform};
pub use drift::config_drift;
pub use failure::CommandFailure;
pub(crate) use history::said_by;
pub use history::{
    EntryWord, Filter, FleetHistoryRequest, HistoryRequest, LedgerPlace, NoSuchEntry,
};
pub use operator_requests::{ApproveRequest, PauseRequest, ResumeRequest, SetProductionRequest};
pub use overview::OverviewRequest;
pub use policy_file::PolicyFile;
pub use preflight::preflight;
pub use probe::{Probed, probe, probe_address};
pub use read_model::{NotShown, ReadModel, Readiness, Wanted};
pub use reconcile::ReconcileRequest;
pub use reload::{ConfigFile, RefusedChange, Reload};
pub use serve::serve;
pub use setup::{GovernedRepositories, Setup};
pub use simulate::SimulateRequest;
pub use socket::{Socket, socket_path};
pub use status::StatusRequest;
pub use trigger::TriggerRequest;
pub use upkeep::prune_daily;
