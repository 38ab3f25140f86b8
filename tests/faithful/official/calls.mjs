// What @octokit/rest and @octokit/auth-app see at the box, as one JSON. calls.py makes the same
// calls, in the same order.

import { createAppAuth } from "@octokit/auth-app";
import { Octokit } from "@octokit/rest";

const where = JSON.parse(process.argv[2]);
const { api: baseUrl, sha, base } = where;
const [owner, repo] = where.repository.split("/");
const at = { owner, repo };
const quiet = { debug() {}, info() {}, warn: console.error, error() {} };
const seen = {};

const statusOf = async (call) => {
  try {
    await call();
    return 200;
  } catch (error) {
    return error.status;
  }
};

const octokit = new Octokit({ auth: where.token, baseUrl, log: quiet });
const { rest } = octokit;
const all = (route, parameters) => octokit.paginate(route, { ...at, per_page: 2, ...parameters });

const { data: user } = await rest.users.getAuthenticated();
seen.user = [user.login, user.type];
const { data: found } = await rest.repos.get(at);
seen.repository = [found.id, found.full_name, found.default_branch, found.private, found.html_url];
seen.missing = await statusOf(() => rest.repos.get({ owner, repo: "nothing" }));

seen.branch = (await rest.repos.getBranch({ ...at, branch: "main" })).data.commit.sha;
seen.commits = (await all(rest.repos.listCommits, { sha: "main" })).map((one) => one.sha);
const { data: commit } = await rest.repos.getCommit({ ...at, ref: sha });
seen.commit = [commit.commit.message, commit.files.map((file) => [file.filename, file.status])];
const basehead = `${base}...${sha}`;
const { data: compared } = await rest.repos.compareCommitsWithBasehead({ ...at, basehead });
const files = compared.files.map((file) => file.filename);
seen.compare = [compared.status, compared.ahead_by, files];
const pulls = await all(rest.repos.listPullRequestsAssociatedWithCommit, { commit_sha: sha });
seen.pulls = pulls.map((pull) => [pull.number, pull.merged_at !== null]);
const { data: contents } = await rest.repos.getContent({ ...at, path: "README.md" });
seen.contents = Buffer.from(contents.content, "base64").toString();
const { data: tree } = await rest.git.getTree({ ...at, tree_sha: sha, recursive: "true" });
seen.tree = tree.tree.map((entry) => [entry.path, entry.type]);

const workflows = await all(rest.actions.listRepoWorkflows);
seen.workflows = workflows.map((one) => [one.name, one.path, one.state]);
const verify = { workflow_id: "verify.yml" };
const filter = { ...verify, branch: "main", event: "push", status: "success" };
const total = (await rest.actions.listWorkflowRuns({ ...at, ...filter })).data.total_count;
const runs = await all(rest.actions.listWorkflowRuns, filter);
seen.green = [total, runs.map((run) => [run.id, run.head_sha, run.conclusion])];
const every = await all(rest.actions.listWorkflowRunsForRepo);
seen.all_runs = every.map((run) => [run.id, run.status]);

const deploy = { ...at, workflow_id: "deploy.yml" };
const dispatch = { ...deploy, ref: "main", inputs: { sha } };
seen.dispatched = (await rest.actions.createWorkflowDispatch(dispatch)).status === 204;
const [newest] = (await rest.actions.listWorkflowRuns(deploy)).data.workflow_runs;
seen.deploy = [newest.id, newest.display_title, newest.event, newest.actor.login];

const status = { ...at, sha, context: "booty/release-governor" };
const says = (state, target_url, description) =>
  rest.repos.createCommitStatus({ ...status, state, target_url, description });
await says("pending", "https://example.com/1", "WAIT");
await says("success", "https://example.com/2", "ALLOW");
const statuses = await all(rest.repos.listCommitStatusesForRef, { ref: sha });
seen.statuses = statuses.map((one) => [
  one.state, one.context, one.description, one.target_url, one.creator.login,
]);
const { data: combined } = await rest.repos.getCombinedStatusForRef({ ...at, ref: sha });
seen.combined = [combined.state, combined.total_count, combined.statuses.map((one) => one.state)];

const labels = ["deploy-failure"];
const made = await rest.issues.create({ ...at, title: "It broke", body: "Badly.", labels });
const numbered = { ...at, issue_number: made.data.number };
await rest.issues.createComment({ ...numbered, body: "Again." });
await rest.issues.update({ ...numbered, state: "closed", state_reason: "completed" });
const { data: issue } = await rest.issues.get(numbered);
seen.issue = [issue.number, issue.title, issue.state, issue.state_reason, issue.user.login];
const comments = await all(rest.issues.listComments, numbered);
seen.issue_has = [issue.labels.map((label) => label.name), comments.map((one) => one.body)];
const closed = await all(rest.issues.listForRepo, { state: "closed", labels: labels.join(",") });
seen.issues = closed.map((one) => one.number);
const level = await rest.repos.getCollaboratorPermissionLevel({ ...at, username: "dev" });
seen.permission = [level.data.permission, level.data.role_name];
const membershipOf = (username) =>
  rest.teams.getMembershipForUserInOrg({ org: owner, team_slug: "release-captains", username });
const { data: member } = await membershipOf("bea");
seen.member = [member.state, member.role];
seen.no_member = await statusOf(() => membershipOf("lead"));
const first = { issue_number: 1 };
const loginOf = (user) => user?.login ?? null;
const said = await all(rest.issues.listComments, first);
seen.said = said.map((one) => [loginOf(one.user), one.body]);
const happened = await all(rest.issues.listEventsForTimeline, first);
seen.happened = happened.map((one) => [one.event, loginOf(one.actor)]);
const { data: pull } = await rest.pulls.get({ ...at, pull_number: 1 });
const pullLabels = pull.labels.map((label) => label.name);
seen.pull = [pullLabels, pull.head.repo.full_name, pull.merged_by.login, pull.comments];
const { data: { head } } = await rest.pulls.get({ ...at, pull_number: 2 });
seen.fork = [head.label, head.ref, head.repo === null, head.user === null];
seen.limit = await rest.rateLimit
  .get()
  .then(({ data }) => data.resources.core.limit)
  .catch((error) => error.response.data.message);

const auth = { appId: where.app, privateKey: where.key };
const app = new Octokit({ authStrategy: createAppAuth, auth, baseUrl, log: quiet });
const { data: itself } = await app.rest.apps.getAuthenticated();
seen.app = [itself.id, itself.slug];
const installations = await app.paginate(app.rest.apps.listInstallations, { per_page: 2 });
seen.installations = installations.map((one) => [
  one.id, one.account.login, one.repository_selection,
]);
const { data: installation } = await app.rest.apps.getRepoInstallation(at);
const { data: ofOrganization } = await app.rest.apps.getOrgInstallation({ org: owner });
seen.found = [installation.id, ofOrganization.id];
const id = { installation_id: installation.id };
const { data: token } = await app.rest.apps.createInstallationAccessToken(id);
seen.token = [token.token.slice(0, 4), token.permissions];
const bot = new Octokit({
  authStrategy: createAppAuth,
  auth: { ...auth, installationId: installation.id },
  baseUrl,
  log: quiet,
});
const reads = await bot.paginate(bot.rest.apps.listReposAccessibleToInstallation, { per_page: 2 });
seen.bot_reads = reads.map((one) => one.full_name);
const wrote = { ...at, sha, state: "success", context: "ci/app" };
const { data: written } = await bot.rest.repos.createCommitStatus(wrote);
seen.bot_writes = [written.creator.login, written.creator.type];
seen.bot_is_nobody = await statusOf(() => bot.rest.users.getAuthenticated());
seen.bot_sees = [];
for (const other of where.others) {
  const [owner, repo] = other.split("/");
  seen.bot_sees.push(await statusOf(() => bot.rest.repos.get({ owner, repo })));
}

console.log(JSON.stringify(seen));
