//! The command-line arguments. Their doc comments are the text of `--help`.

mod config;
mod operator;
mod output;
mod queries;
mod shell;
mod target;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use config::ConfigSource;
pub(super) use config::{CONFIG_FILE, CONFIG_VARIABLE};
pub use operator::{OperatorArgs, ReasonArg};
pub use output::Output;
pub use queries::{BacktestArgs, CheckConfig, Filters, HistoryArgs, MomentArg, StatusArgs};
pub use shell::{Completions, Man, ProbeArgs};
pub use target::{CommitArg, Target};

use crate::domain::ShaPrefix;

/// Decides which verified commits may go to production, and deploys them.
#[derive(Debug, Parser)]
#[command(
    name = "release-governor",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "Examples:
  release-governor check-config --github        check the configuration and GitHub
  release-governor run                          govern until SIGTERM or Ctrl-C
  release-governor status                       the state of every repository
  release-governor simulate acme/shop 1a2b3c4   would this commit ship, and why?
  release-governor history acme/shop            decisions, deploys and operator actions

Commands for one repository take OWNER/NAME or --repo OWNER/NAME. The default is the repository of
the working directory's git remote, or the only configured one.

Exit codes: 0 success; 1 the decision is not ALLOW; 2 usage or configuration error; 3 GitHub or
another dependency failed; 4 no such repository or commit."
)]
pub struct Arguments {
    #[command(flatten)]
    pub config: ConfigSource,

    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Govern the configured repositories until SIGTERM.
    #[command(after_help = "Examples:
  GITHUB_TOKEN=$(gh auth token) release-governor run
  release-governor run --config /etc/release-governor/config.yaml
  RELEASE_GOVERNOR_DRY_RUN=true release-governor run    decide, but write nothing to GitHub")]
    Run(RunArgs),

    /// Check the configuration, and with --github also the repositories on GitHub.
    #[command(after_help = "Examples:
  release-governor check-config                  check the file and the environment
  release-governor check-config --github         also check GitHub, with the real token
  release-governor check-config --calendar       also show the freezes of the next four weeks
  release-governor check-config --config other.toml
  release-governor check-config --json | jq '.repositories[].branch'
  release-governor check-config --github --json | jq '.findings[]'

Exits 2 if it finds an error. With --github, warnings alone exit 0, and 3 means that GitHub could not
answer every question. It writes nothing.")]
    CheckConfig(CheckConfig),

    /// Show the state of the repositories.
    #[command(after_help = "Examples:
  release-governor status
  release-governor status acme/shop
  release-governor status --watch        refresh every 2 seconds until Ctrl-C
  release-governor status acme/shop --watch 10
  release-governor status --json | jq '.repositories[] | select(.decision == \"HOLD\")'

Below the table it lists what is held, why, and how to unblock it. It asks the running controller, or \
reads the state that the last one left. It never asks GitHub.")]
    Status(StatusArgs),

    /// Show the decision for a commit and its reasons, without writing anything.
    #[command(after_help = "Examples:
  release-governor simulate 1a2b3c4
  release-governor simulate acme/shop 1a2b3c4 --show-paths
  release-governor simulate --repo acme/shop --sha 1a2b3c4 --json
  release-governor simulate 1a2b3c4 --policy stricter.yaml     with another policy
  release-governor simulate 1a2b3c4 --production 0f9e8d7       with another production

--policy takes a file (YAML, TOML or JSON by extension) with policy keys, or a whole configuration, \
of which only the repository's entry is used. Keys that it does not set have the built-in defaults, not \
the values in force. The file is validated like the configuration. Assumptions are listed first in the \
evidence, and nothing is recorded.

Exits 0 for ALLOW and 1 for any other decision.")]
    Simulate(SimulateArgs),

    /// Replay the past with a policy: what would have shipped, and what really did.
    #[command(after_help = "Examples:
  release-governor backtest acme/shop                        30 days, with the policy in force
  release-governor backtest acme/shop --since 12h --policy stricter.yaml
  release-governor backtest --json | jq '.commits[] | select(.decision == \"HOLD\")'

Use it to choose your paths before the governor ships anything. It replays every verification, and every \
comment or label on a pull request while the newest verified commit was held. Production starts as the \
commit that was deployed at that time, and continues with what the policy would have shipped. Approvals, \
labels and operator actions count as they were at each moment.

Not replayed: failed deploys, cooldown, an environment's reviewers, and degraded signals, which have no \
history. Permissions, and statuses that raise the risk, are taken as they are now; the deploy workflow's \
file is taken as it was at each commit. --policy works as in simulate. The output lists what GitHub did \
not show. It only reads, records nothing, and may take minutes.")]
    Backtest(BacktestArgs),

    /// Deploy a commit now, if the policy allows it.
    #[command(after_help = "Examples:
  release-governor trigger 1a2b3c4
  release-governor trigger acme/shop 1a2b3c4 --as ada
  release-governor trigger acme/shop 0f9e8d7 --rollback      go back to an earlier deploy

The decision is the controller's own, with these exceptions: a commit whose deploy failed gets one
more attempt, and a rollback, a revert, and a rejected or unconfirmed dispatch do not hold it.
Afterwards, a rollback no longer holds the commits that this commit contains.

--rollback deploys a commit that was in production before, over a newer one. Its risk is not judged
again; verification, a pause, a deploy in flight and the limits still apply. Nothing newer ships
until `resume`, or until you trigger a newer commit. To stop all releases as well, use `pause`.

There is no `--force`; the policy cannot be bypassed. Exits 0 if the deploy was started, is in
progress, or is in production, and 1 for any other decision.")]
    Trigger(TriggerArgs),

    /// Approve a commit, including every HIGH change since production.
    #[command(after_help = "Examples:
  release-governor approve acme/shop 1a2b3c4 --reason \"migration rehearsed on staging\"
  release-governor approve 1a2b3c4 --reason \"CHG-1234\" --as ada")]
    Approve(ApproveArgs),

    /// Stop a repository's releases until `resume`.
    #[command(after_help = "Examples:
  release-governor pause acme/shop --reason \"incident 42\"
  release-governor pause --reason \"freeze until Monday\" --as ada

It takes effect at once, even in the middle of a pass on a slow GitHub: no dispatch is sent
afterwards. It prints the deploys that were sent before, which continue. With --json they are `left`.")]
    Pause(PauseArgs),

    /// Resume a repository's releases after `pause` or a rollback.
    #[command(after_help = "Examples:
  release-governor resume acme/shop
  release-governor resume --as ada

It ends a `pause`. If no operator paused, it lifts the hold of a rollback. It never does both at once:
after a pause it reports whether a rollback still holds, and a second `resume` lifts that. Exits 4 if
nothing is stopped. `paused` in the configuration stays in force until you remove it there.

Ending a pause does not wait for a running pass. It waits for GitHub if the state directory was lost,
and to find out whether a rollback holds.")]
    Resume(ResumeArgs),

    /// Record which commit is in production. A newer deploy overrides it.
    #[command(
        after_help = "It lifts the hold of a rollback only for the commits that this commit contains: see `resume`.

Examples:
  release-governor set-production acme/shop 1a2b3c4 --reason \"rolled back by hand\"
  release-governor set-production 1a2b3c4 --reason \"deployed before the governor\" --as ada"
    )]
    SetProduction(SetProductionArgs),

    /// Show what happened in a repository, newest first.
    #[command(after_help = "Examples:
  release-governor history acme/shop
  release-governor history acme/shop --since 12h --kind decision
  release-governor history --sha 1a2b3c4             everything about a commit
  release-governor history --kind word --by ada      what ada ordered
  release-governor history --since 2026-11-01 --until '2026-11-02 14:30'
  release-governor history --follow                  new entries as they appear, until Ctrl-C
  release-governor history --json --before 1200 | jq '.entries[].told'

Times without a zone are UTC. --before continues a listing from the number in the first column.")]
    History(HistoryArgs),

    /// Run one pass over the repositories and exit.
    #[command(after_help = "Examples:
  release-governor reconcile --once
  release-governor reconcile --once --dry-run
  release-governor reconcile --once --repo acme/shop --dry-run --json")]
    Reconcile(ReconcileArgs),

    /// Check the health and readiness of a running governor over HTTP.
    #[command(after_help = "Examples:
  release-governor probe                                  the address in the configuration
  release-governor probe http://release-governor:8080     another address

For images without an HTTP client: the chart's test and health checks use it. Exits 0 if the governor
is ready, and 3 if it is not, or does not respond.")]
    Probe(ProbeArgs),

    /// Try the governor on this machine against a fake GitHub: no account, token or network needed.
    #[command(after_help = "Examples:
  release-governor demo           the scenario; then it keeps running until Ctrl-C
  release-governor demo --once    the scenario only, in about a minute

It runs the real controller against a fake GitHub on 127.0.0.1. Its files are in a temporary directory
that is removed at the end. Exits 3 if the scenario does not complete within 2 minutes.")]
    Demo(Demo),

    /// Print a shell completion script.
    #[command(after_help = "Examples:
  release-governor completions bash > ~/.local/share/bash-completion/completions/release-governor
  release-governor completions zsh > ~/.zfunc/_release-governor
  release-governor completions fish > ~/.config/fish/completions/release-governor.fish
  source <(release-governor completions bash)     in this shell only")]
    Completions(Completions),

    /// Print the manual page, or write the pages of all commands to a directory.
    #[command(after_help = "Examples:
  release-governor man | man -l -
  release-governor man --dir /usr/local/share/man/man1")]
    Man(Man),

    /// Print the JSON Schema of the configuration file, for editors and validators.
    #[command(after_help = "Examples:
  release-governor schema > schema.json
  release-governor schema | jq '.properties.defaults.properties | keys'

With `# yaml-language-server: $schema=schema.json` as the first line of a file, editors with the YAML \
language server validate it as you type, and complete its keys.")]
    Schema,
}

#[derive(Clone, Debug, Args)]
pub struct RunArgs {}

#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    #[command(flatten)]
    pub commit: CommitArg,
    /// Show the paths that drive the risk.
    #[arg(long)]
    pub show_paths: bool,
    /// Use the policy in this file, on top of the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Assume that this commit is in production; a unique prefix suffices.
    #[arg(long, value_name = "SHA")]
    pub production: Option<ShaPrefix>,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct TriggerArgs {
    #[command(flatten)]
    pub commit: CommitArg,
    /// Roll back to this commit, which was in production before.
    #[arg(long)]
    pub rollback: bool,
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    #[command(flatten)]
    pub commit: CommitArg,
    #[command(flatten)]
    pub reason: ReasonArg,
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct PauseArgs {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub reason: ReasonArg,
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct SetProductionArgs {
    #[command(flatten)]
    pub commit: CommitArg,
    #[command(flatten)]
    pub reason: ReasonArg,
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct ReconcileArgs {
    /// Required: run one pass and exit. To keep running, use `run`.
    #[arg(long, required = true)]
    pub once: bool,
    /// Read, decide and print the plan, but write nothing to GitHub.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// Exit after the scenario.
    #[arg(long)]
    pub once: bool,
}
