//! What operators may order: approve, pause, resume, set production, trigger, and a pass at once.

mod reconcile;
mod recorded;
mod trigger;
mod view;

pub use reconcile::ReconcileRequest;
pub use recorded::{ApproveRequest, PauseRequest, ResumeRequest, SetProductionRequest};
pub use trigger::TriggerRequest;
pub use view::{Pass, Passes, Recorded, Triggered};
