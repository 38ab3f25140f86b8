//! release-governor decides which verified commits may go to production.
//!
//! ```text
//! GitHub ─▶ observe ─▶ decide ─▶ plan ─▶ apply ─▶ GitHub
//! ledger ─▶  (reads)   (pure)   (pure)  (writes) ─▶ ledger
//!             ▲           │
//!             └── lacks ──┘
//! ```
//!
//! The modules below stand in reading order: the words, the pure core, then the edges.
//! `docs/architecture.md` states what each room never does; `tests/tidy.rs` checks it.

pub mod domain;

pub mod backtest;
pub mod decide;
pub mod messages;
pub mod plan;

pub mod apply;
pub mod github;
pub mod network;
pub mod observe;
pub mod signals;
pub mod store;

pub mod config;
pub mod controller;

pub mod bootstrap;
pub mod operations;
pub mod preflight;
pub mod queries;
pub mod request;

pub mod cli;
pub mod daemon;
pub mod http;
pub mod rpc;

pub mod clock;
pub mod telemetry;

#[cfg(feature = "demo")]
pub mod demo;
