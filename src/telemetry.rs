//! Logs and metrics.

mod calendar;
mod families;
pub mod logs;
mod metrics;
mod process;
mod series;
mod signals;

pub use metrics::{Metrics, PassResult};
pub use series::CONTENT_TYPE;
