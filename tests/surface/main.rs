//! What people and earlier versions see: the surface that must not change by accident.

mod stores;
