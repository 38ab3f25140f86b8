//! Every sentence that people read: hints, statuses, issues.
