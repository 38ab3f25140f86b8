//! Freezes and windows, as they are shown.

use serde::Serialize;

use crate::domain::EntryAhead;

/// The freezes, then the windows, each in alphabetical order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CalendarView {
    pub entries: Vec<EntryAhead>,
}
