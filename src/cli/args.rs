//! The arguments, as people type them. `--help` teaches.

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
  release-governor check-config --github        is the configuration good, and GitHub ready?
  release-governor run                          govern, until told to stop
  release-governor status                       how every repository stands
  release-governor simulate acme/shop 1a2b3c4   would this commit ship, and why?
  release-governor history acme/shop            what was decided, done and said

Commands about one repository take it as OWNER/NAME or --repo OWNER/NAME. Without, it is that of the
git remote of the working directory, or the only one configured.

Exit codes: 0 done, 1 decided otherwise than ALLOW, 2 usage or configuration, 3 GitHub or another
dependency failed, 4 no such repository or commit."
)]
pub struct Arguments {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigSource,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Governs the configured repositories until SIGTERM.
    #[command(after_help = "Examples:
  GITHUB_TOKEN=$(gh auth token) release-governor run
  release-governor run --config /etc/release-governor/config.yaml
  RELEASE_GOVERNOR_DRY_RUN=true release-governor run    decides, and writes nothing to GitHub")]
    Run(RunArgs),

    /// Checks the configuration, and with --github whether GitHub is as it says.
    #[command(after_help = "Examples:
  release-governor check-config                  the file and the environment alone
  release-governor check-config --github         and with the real token, what GitHub has
  release-governor check-config --config other.toml
  release-governor check-config --json | jq '.repositories[].branch'
  release-governor check-config --github --json | jq '.findings[]'

Exits 2 where something is wrong; with --github, warnings alone exit 0, and 3 says that GitHub could
not be asked about all of it. It writes nothing.")]
    CheckConfig(CheckConfig),

    /// Shows how the repositories stand.
    #[command(after_help = "Examples:
  release-governor status
  release-governor status acme/shop
  release-governor status --watch        drawn anew every 2 seconds, until Ctrl-C
  release-governor status acme/shop --watch 10
  release-governor status --json | jq '.repositories[] | select(.decision == \"HOLD\")'

Below the table stands what is held, why, and what to do about it. It asks the running controller, or \
what the last one left, and never GitHub.")]
    Status(StatusArgs),

    /// Says what would be decided about a commit, and why. Writes nothing.
    #[command(after_help = "Examples:
  release-governor simulate 1a2b3c4
  release-governor simulate acme/shop 1a2b3c4 --show-paths
  release-governor simulate --repo acme/shop --sha 1a2b3c4 --json
  release-governor simulate 1a2b3c4 --policy stricter.yaml     what if that were the policy?
  release-governor simulate 1a2b3c4 --production 0f9e8d7       what if that ran in production?

--policy takes a file (YAML, TOML or JSON by its name) of policy keys alone, or a whole configuration, \
of which the repository's entry counts. It stands on the built-in defaults, not on the policy in force, \
and is checked as strictly as the configuration is. What is supposed stands first in the evidence, and \
nothing of such a look is recorded.

Exits 0 for ALLOW and 1 for any other decision.")]
    Simulate(SimulateArgs),

    /// Replays the past through a policy: what would have shipped or been held, and what happened.
    #[command(after_help = "Examples:
  release-governor backtest acme/shop                        30 days, by the policy in force
  release-governor backtest acme/shop --since 12h --policy stricter.yaml
  release-governor backtest --json | jq '.commits[] | select(.decision == \"HOLD\")'

Choose your paths with it before you let the governor ship. It goes from verification to verification, \
and to whatever was said on a pull request while the newest verified commit was held. Production begins \
as what ran then, and goes on with what the policy lets ship. Approvals, labels and operators' words \
count as they stood at each moment.

Not replayed: failed deploys, cooldown, an environment's reviewers, and degraded signals, which have no \
history. Permissions, and statuses that raise the risk, are taken as they are now, and the deploy \
workflow's file as it was at each commit. --policy is as in simulate. What GitHub did not show is said. \
It reads only, records nothing, and may take minutes.")]
    Backtest(BacktestArgs),

    /// Deploys a commit now, if the policy allows it.
    #[command(after_help = "Examples:
  release-governor trigger 1a2b3c4
  release-governor trigger acme/shop 1a2b3c4 --as ada
  release-governor trigger acme/shop 0f9e8d7 --rollback      go back to what ran before

It decides as the controller would; your word lets a commit that failed try once more, and sets a
rollback and a rejected or unconfirmed dispatch aside. After it, a rollback no longer holds what
this commit contains.

--rollback deploys a commit that was in production before, over a newer one. Its risk is not judged
again. Verification, a pause, a deploy in flight and the limits count as ever. Nothing ships forward
over it until `resume`, or until you trigger a newer commit. To stop all releases as well, `pause`.

There is no `--force`; the policy cannot be bypassed. Exits 0 when the deploy was started, runs, or is in production, and 1 for any
other decision.")]
    Trigger(TriggerArgs),

    /// Approves a commit, with all that makes it HIGH.
    #[command(after_help = "Examples:
  release-governor approve acme/shop 1a2b3c4 --reason \"migration rehearsed on staging\"
  release-governor approve 1a2b3c4 --reason \"CHG-1234\" --as ada")]
    Approve(ApproveArgs),

    /// Stops a repository's releases, until `resume`.
    #[command(after_help = "Examples:
  release-governor pause acme/shop --reason \"incident 42\"
  release-governor pause --reason \"freeze until Monday\" --as ada

It takes effect at once, also while a pass is under way and GitHub is slow: no dispatch is sent after
it. It prints the deploys that were sent before it, which go on. With --json they are `left`.")]
    Pause(PauseArgs),

    /// Lets a repository's releases go on after `pause` or a rollback.
    #[command(after_help = "Examples:
  release-governor resume acme/shop
  release-governor resume --as ada

It undoes a `pause`. Where no operator paused, it lifts the hold of a rollback. Never both at once:
after a pause it says whether a rollback still holds, and a second `resume` lifts that. Exits 4 when
nothing is stopped. The configuration's own `paused` stays: take it out there.

Ending a pause does not wait for a pass that is under way. It waits for GitHub where the state
directory was lost, and where it looks whether a rollback holds.")]
    Resume(ResumeArgs),

    /// Says which commit runs in production. Newer deploys override it.
    #[command(
        after_help = "It does not lift the hold of a rollback but for what this commit contains: see `resume`.

Examples:
  release-governor set-production acme/shop 1a2b3c4 --reason \"rolled back by hand\"
  release-governor set-production 1a2b3c4 --reason \"deployed before we came\" --as ada"
    )]
    SetProduction(SetProductionArgs),

    /// Shows what happened in a repository, newest first.
    #[command(after_help = "Examples:
  release-governor history acme/shop
  release-governor history acme/shop --since 12h --kind decision
  release-governor history --sha 1a2b3c4             all that happened to a commit
  release-governor history --kind word --by ada      what ada said
  release-governor history --since 2026-11-01 --until '2026-11-02 14:30'
  release-governor history --follow                  what happens, as it happens, until Ctrl-C
  release-governor history --json --before 1200 | jq '.entries[].told'

Times without a zone are UTC. Filters are asked where the ledger is; --before goes on from the number \
in the first column.")]
    History(HistoryArgs),

    /// Makes one pass over the repositories, and ends.
    #[command(after_help = "Examples:
  release-governor reconcile --once
  release-governor reconcile --once --dry-run
  release-governor reconcile --once --repo acme/shop --dry-run --json")]
    Reconcile(ReconcileArgs),

    /// Asks a running governor over HTTP whether it works and is ready.
    #[command(after_help = "Examples:
  release-governor probe                                  the one of this configuration
  release-governor probe http://release-governor:8080     one elsewhere

For images that hold no other client: the chart's test and health checks. Exits 0 when it is ready,
and 3 when it is not or does not answer.")]
    Probe(ProbeArgs),

    /// Shows it all on this machine, with a GitHub in a box: no account, no token, no network.
    #[command(after_help = "Examples:
  release-governor demo           the story, then it governs on until Ctrl-C
  release-governor demo --once    the story alone, in about a minute

It runs the real controller against a GitHub in a box on 127.0.0.1, with its files in a temporary
directory that is removed at the end. Exits 3 when the story does not come true in 2 minutes.")]
    Demo(Demo),

    /// Prints what completes this program's commands in a shell.
    #[command(after_help = "Examples:
  release-governor completions bash > ~/.local/share/bash-completion/completions/release-governor
  release-governor completions zsh > ~/.zfunc/_release-governor
  release-governor completions fish > ~/.config/fish/completions/release-governor.fish
  source <(release-governor completions bash)     in this shell alone")]
    Completions(Completions),

    /// Prints the manual page, or writes those of all commands into a directory.
    #[command(after_help = "Examples:
  release-governor man | man -l -
  release-governor man --dir /usr/local/share/man/man1")]
    Man(Man),

    /// Prints the JSON Schema of the configuration file, for editors and other validators.
    #[command(after_help = "Examples:
  release-governor schema > schema.json
  release-governor schema | jq '.properties.defaults.properties | keys'

With `# yaml-language-server: $schema=schema.json` as its first line, editors that use the YAML \
language server check a file as it is typed, and complete its keys.")]
    Schema,
}

/// The arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {}

/// The arguments of `simulate`.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArg,
    /// Show the paths that drive the risk.
    #[arg(long)]
    pub show_paths: bool,
    /// Judge by the policy of this file, over the built-in defaults.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Suppose that this commit runs in production; it may be shortened where that is unique.
    #[arg(long, value_name = "SHA")]
    pub production: Option<ShaPrefix>,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `trigger`.
#[derive(Clone, Debug, Args)]
pub struct TriggerArgs {
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArg,
    /// Go back to this commit, which was in production before.
    #[arg(long)]
    pub rollback: bool,
    /// Who you are.
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `approve`.
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArg,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArg,
    /// Who you are.
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `pause`.
#[derive(Clone, Debug, Args)]
pub struct PauseArgs {
    /// The repository.
    #[command(flatten)]
    pub target: Target,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArg,
    /// Who you are.
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `resume`.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// The repository.
    #[command(flatten)]
    pub target: Target,
    /// Who you are.
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `set-production`.
#[derive(Clone, Debug, Args)]
pub struct SetProductionArgs {
    /// The commit.
    #[command(flatten)]
    pub commit: CommitArg,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArg,
    /// Who you are.
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `reconcile`.
#[derive(Clone, Debug, Args)]
pub struct ReconcileArgs {
    /// One pass, then the end; to go on, use `run`.
    #[arg(long, required = true)]
    pub once: bool,
    /// Read, decide, print the plan, write nothing to GitHub; a running controller does so, too.
    #[arg(long)]
    pub dry_run: bool,
    /// The repository; without, all of them.
    #[command(flatten)]
    pub target: Target,
    /// How it is printed.
    #[command(flatten)]
    pub output: Output,
}

/// The arguments of `demo`.
#[derive(Clone, Debug, Args)]
pub struct Demo {
    /// End after the story.
    #[arg(long)]
    pub once: bool,
}
