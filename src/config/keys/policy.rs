//! The policy keys, which apply to a repository and to `defaults`.

use super::{ConfigKey, key};
use crate::config::policy::{LONGEST_CONTEXT, LONGEST_LABEL, LONGEST_LINE, MOST};
use crate::config::run_events::RUN_EVENTS;
use crate::config::shape::{TextRule, ValueShape, words};
use crate::config::values::{LONGEST_ITEM, Unit};
use crate::domain::{ApprovalMode, HoldState, OnRecovery, Permission};

/// The key `name`, the only key of a repository that `defaults` cannot set.
pub(in crate::config) const NAME_KEY: ConfigKey =
    key("name", ValueShape::Text(REPOSITORY), "`OWNER/NAME`; not in `defaults`");

/// The keys of `defaults`, and of a repository besides its `name`.
pub const POLICY_KEYS: &[ConfigKey] = &[
    key(
        "enabled",
        ValueShape::Truth,
        "`false`: nothing is started; a deploy in flight is still watched to its end",
    ),
    key(
        "dry_run",
        ValueShape::Truth,
        "`true`: reads, decides and logs the plan, but writes nothing to GitHub",
    ),
    key(
        "paused",
        ValueShape::Reason,
        "a reason to stop all releases of the repository; no \
                                       command overrides it",
    ),
    key("branch", ValueShape::OrNull(&ValueShape::Text(GIT_REF)), "the release branch"),
    key(
        "verification_workflow_name",
        ValueShape::Text(WORKFLOW),
        "the workflow that verifies a commit, by name or file name",
    ),
    key(
        "verification_events",
        EVENTS,
        "the events whose runs count as verification, as named in `on:`; a run of a reusable \
         workflow has the event of its caller",
    ),
    key(
        "deploy_workflow_name",
        ValueShape::Text(WORKFLOW_OR_NONE),
        "the workflow that deploys, by name or file name; `\"\"` for none",
    ),
    key(
        "deploy_workflow_ref",
        ValueShape::OrNull(&ValueShape::Text(GIT_REF)),
        "the branch on which the deploy workflow is started",
    ),
    key(
        "run_title",
        ValueShape::OrNull(&ValueShape::Text(RUN_TITLE)),
        "the title of runs that names the commit they deploy, as in `Deploy {sha} by *`; see \
         *What counts as a deploy*",
    ),
    key(
        "other_run_titles",
        ValueShape::Texts(OTHER_RUN_TITLE, 0),
        "titles of runs that do not deploy to production, as in `Deploy {sha} to staging`",
    ),
    key(
        "run_events",
        EVENTS,
        "which of these three events deploy to production; runs with any other event always \
         count",
    ),
    key(
        "preview_refs",
        ValueShape::Texts(REF_PATTERN, 0),
        "branches and tags on which the deploy workflow does not deploy to production, as in \
         `preview/**`; `*` stops at a slash",
    ),
    key(
        "other_deploy_workflows",
        ValueShape::Texts(WORKFLOW, 0),
        "other workflows that change production, such as `rollback.yml`; each costs one more \
         request per pass",
    ),
    key(
        "production_environment_name",
        ValueShape::Text(TextRule::of(LONGEST_LINE)),
        "the environment that hints name while a run waits for its reviewers",
    ),
    key(
        "require_approval_for_first_deploy",
        ValueShape::Truth,
        "whether the very first deploy needs an approval",
    ),
    key(
        "high_risk_paths",
        ValueShape::Texts(PATH_PATTERN, 0),
        "patterns as in `.gitignore`; a change to a matching path is HIGH",
    ),
    key("medium_risk_paths", ValueShape::Texts(PATH_PATTERN, 0), "a change there is MEDIUM"),
    key(
        "migration_paths",
        ValueShape::Texts(PATH_PATTERN, 0),
        "more paths of which a change is HIGH",
    ),
    key(
        "workflow_files_high",
        ValueShape::Truth,
        "whether a change below `.github/workflows/` is HIGH regardless of the lists; \
         `check-config` warns about `false`",
    ),
    key(
        "cooldown_minutes",
        ValueShape::Count(Unit::Minutes, 0),
        "how long a commit that failed to deploy waits for its next attempt",
    ),
    key(
        "max_deploys_per_hour",
        ValueShape::Whole(1, MOST),
        "deploys started within any hour; at least 1",
    ),
    key(
        "max_attempts_per_sha",
        ValueShape::Whole(1, MOST),
        "deploy attempts of one commit before a person must act; at least 1",
    ),
    key(
        "hold_after_rollback",
        ValueShape::Truth,
        "whether a rollback holds releases until an operator resumes them",
    ),
    key(
        "hold_low_when_degraded",
        ValueShape::Truth,
        "whether LOW is also held while production is degraded",
    ),
    key(
        "hold_state",
        ValueShape::Word(|| words(&HOLD_STATES)),
        "the state of a HOLD status; or `pending`",
    ),
    key(
        "deploy_timeout_minutes",
        ValueShape::Count(Unit::Minutes, 0),
        "a deploy that takes longer is reported and alerted; it is never started twice",
    ),
    key(
        "approval_mode",
        ValueShape::OneOrMore(&ValueShape::Word(|| words(&APPROVAL_MODES))),
        "how HIGH is approved: `environment`, `label`, `comment`, or a list, any one of which \
         suffices",
    ),
    key(
        "approval_label",
        ValueShape::Text(TextRule::of(LONGEST_LABEL)),
        "the label of mode `label`",
    ),
    key(
        "approval_command",
        ValueShape::Text(COMMAND),
        "the line that approves in mode `comment`; see *The approval command*",
    ),
    key(
        "approval_min_permission",
        ValueShape::Word(|| words(&PERMISSIONS)),
        "who may approve: `read`, `triage`, `write`, `maintain` or `admin`",
    ),
    key(
        "approval_allow_author",
        ValueShape::Truth,
        "whether a pull request's author may approve it",
    ),
    key(
        "approval_before_merge",
        ValueShape::Truth,
        "whether an approval given before the merge counts if nothing was pushed after it",
    ),
    key(
        "approval_teams",
        ValueShape::Texts(TEAM, 0),
        "teams that may approve by label or comment: `ORG/TEAM`, or `TEAM` of the repository's \
         owner",
    ),
    key(
        "raise_risk_contexts",
        ValueShape::Texts(TextRule::of(LONGEST_CONTEXT).like("security/scan"), 0),
        "commit status contexts and labels that raise a release to HIGH",
    ),
    key(
        "dispatch_confirm_seconds",
        ValueShape::Count(Unit::Seconds, 1),
        "how long to look for a dispatched run that GitHub does not show; at least 1",
    ),
    key(
        "status_context",
        ValueShape::Text(TextRule::of(LONGEST_CONTEXT)),
        "the context of the governor's commit status",
    ),
    key(
        "failure_types",
        ValueShape::Mappings(FAILURE_TYPE_KEYS),
        "list of `pattern` (of the failed step's name) and `label` (of the failure issue)",
    ),
    key(
        "failure_issue_on_recovery",
        ValueShape::Word(|| words(&ON_RECOVERY)),
        "`comment`, `close` or `ignore`",
    ),
    key(
        "degraded",
        ValueShape::Signals,
        "the signals that report whether production is degraded: `null`, one, or a list; see \
         *Signals*",
    ),
    key(
        "health_check",
        ValueShape::HealthCheck,
        "an address to watch after a deploy, in addition to the signals; it holds nothing; see \
         *Signals*",
    ),
    key(
        "post_deploy_watch_minutes",
        ValueShape::Count(Unit::Minutes, 0),
        "how long after a deploy a degraded signal still opens its failure issue; 0: never",
    ),
];

/// The keys of an entry of `failure_types`. All are required.
pub(in crate::config) const FAILURE_TYPE_KEYS: &[ConfigKey] = &[
    key(
        "pattern",
        ValueShape::Text(TextRule::of(LONGEST_LINE).like("health*check")),
        "the failed step's name; `*` stands for anything",
    ),
    key(
        "label",
        ValueShape::Text(TextRule::of(LONGEST_LABEL).like("deploy:health-check-failed")),
        "the label of the failure issue",
    ),
];

/// The values of `hold_state`.
pub(in crate::config) const HOLD_STATES: [(&str, HoldState); 2] =
    [("failure", HoldState::Failure), ("pending", HoldState::Pending)];

/// The values of `failure_issue_on_recovery`.
pub(in crate::config) const ON_RECOVERY: [(&str, OnRecovery); 3] = [
    ("comment", OnRecovery::Comment),
    ("close", OnRecovery::Close),
    ("ignore", OnRecovery::Ignore),
];

/// The values of `approval_mode`.
pub(in crate::config) const APPROVAL_MODES: [(&str, ApprovalMode); 3] = [
    (ApprovalMode::Environment.as_str(), ApprovalMode::Environment),
    (ApprovalMode::Label.as_str(), ApprovalMode::Label),
    (ApprovalMode::Comment.as_str(), ApprovalMode::Comment),
];

/// The values of `approval_min_permission`.
pub(in crate::config) const PERMISSIONS: [(&str, Permission); 5] = [
    (Permission::Read.as_str(), Permission::Read),
    (Permission::Triage.as_str(), Permission::Triage),
    (Permission::Write.as_str(), Permission::Write),
    (Permission::Maintain.as_str(), Permission::Maintain),
    (Permission::Admin.as_str(), Permission::Admin),
];

const EVENTS: ValueShape = ValueShape::Words(|| RUN_EVENTS.to_vec());

/// `.` and `..` are not valid names.
const REPOSITORY: TextRule = TextRule::of(201)
    .fitting("^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")
    .refusing(r"^\.\.?/|/\.\.?$")
    .like("acme/shop");

const WORKFLOW: TextRule = TextRule::of(LONGEST_LINE).like("ci.yml");

const WORKFLOW_OR_NONE: TextRule =
    TextRule::of(LONGEST_LINE).fitting(r"^(\S(.*\S)?)?$").bare().like("deploy.yml");

/// Source: git-check-ref-format(1).
const GIT_REF: TextRule = TextRule::of(LONGEST_LINE)
    .refusing(r"^(refs/|/|-)|[/.]$|\.lock$|\.\.|@\{|//|[ ~^:?*\[\\]")
    .like("main");

const RUN_TITLE: TextRule = TextRule::of(LONGEST_LINE)
    .fitting(r"^([^{}\s][^{}]*)?\{sha\}([^{}]*[^{}\s])?$")
    .like("Deploy {sha} by *");

const OTHER_RUN_TITLE: TextRule = TextRule::of(LONGEST_LINE)
    .fitting(r"^[^{}]*(\{sha\}[^{}]*)?$")
    .refusing(r"^[*\s]*$|^\s|\s$")
    .bare()
    .like("Deploy {sha} to staging");

const REF_PATTERN: TextRule =
    TextRule::of(LONGEST_LINE).refusing(r"^refs/|[?\[!+ ]").like("preview/**");

/// The parser rejects more patterns than a regular expression can describe.
const PATH_PATTERN: TextRule = TextRule::of(LONGEST_ITEM)
    .refusing(r"^#|[{}]|//|\\/|^!?/?$|[^/!]\*\*|\*\*[^/]")
    .like("**/migrations/**");

const COMMAND: TextRule = TextRule::of(100)
    .refusing(r"^>|^#{1,6} |^[-+*] |^[0-9]{1,9}[.)] |<[A-Za-z/][^>]*>|^[ -/:-@\[-`{-~]*$")
    .like("/approve");

const TEAM: TextRule = TextRule::of(LONGEST_ITEM)
    .fitting("^([A-Za-z0-9._-]{1,100}/)?[A-Za-z0-9._-]{1,100}$")
    .bare()
    .like("acme/release-captains");
