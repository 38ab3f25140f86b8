//! What operators may ask, one function each, and the ways to ask it: a running controller's
//! socket, or where none runs, a controller of this very process.

mod account;
mod agree;
mod ask;
mod check_config;
mod choose;
mod failure;
mod govern;
mod history;
mod open;
mod overview;
mod preflight;
mod probe;
mod reach;
mod reconcile;
mod reload;
mod serve;
mod simulate;
mod socket;
mod status;
mod trigger;
pub mod view;
mod window;
mod words_of_operators;

pub use agree::disagreement;
pub use ask::{Ask, Caller, line, name_of};
pub use check_config::{Checked, CheckedRepository, check_config};
pub use choose::{Here, choose};
pub use failure::Failure;
pub use govern::prune_daily;
pub use history::{EntryWord, Filter, History, NoSuchEntry};
pub use open::{Surroundings, check_token, controller, open_store, surroundings};
pub use overview::Overview;
pub use preflight::preflight;
pub use probe::{Probed, probe, probe_address};
pub use reach::{Look, look, perform};
pub use reconcile::Reconcile;
pub use reload::{ConfigFile, Refused, Reload};
pub use serve::serve;
pub use simulate::Simulate;
pub use socket::{Socket, socket_path};
pub use status::Status;
pub use trigger::Trigger;
pub use window::{NotShown, Readiness, Wanted, Window};
pub use words_of_operators::{Approve, Pause, Resume, SetProduction};
