"""What PyGithub sees at the box, as one JSON. calls.mjs makes the same calls, in the same order."""

import json
import sys

from github import Auth, Github, GithubException, GithubIntegration
from github.Team import Team

where = json.loads(sys.argv[1])
api, name, sha = where["api"], where["repository"], where["sha"]
owner = name.split("/")[0]
quick = {"base_url": api, "per_page": 2, "seconds_between_requests": None, "seconds_between_writes": None}
seen = {}


def limit_of(github):
    try:
        return github.get_rate_limit().resources.core.limit
    except GithubException as error:
        return error.data["message"]


def status_of(call):
    try:
        call()
        return 200
    except GithubException as error:
        return error.status


def login_of(user):
    return None if user is None else user.login


github = Github(auth=Auth.Token(where["token"]), **quick)
user = github.get_user()
seen["user"] = [user.login, user.type]
repo = github.get_repo(name)
seen["repository"] = [repo.id, repo.full_name, repo.default_branch, repo.private, repo.html_url]
seen["missing"] = status_of(lambda: github.get_repo(f"{owner}/nothing"))

seen["branch"] = repo.get_branch("main").commit.sha
seen["commits"] = [commit.sha for commit in repo.get_commits(sha="main")]
commit = repo.get_commit(sha)
seen["commit"] = [commit.commit.message, [[file.filename, file.status] for file in commit.files]]
compared = repo.compare(where["base"], sha)
seen["compare"] = [compared.status, compared.ahead_by, [file.filename for file in compared.files]]
seen["pulls"] = [[pull.number, pull.merged_at is not None] for pull in commit.get_pulls()]
seen["contents"] = repo.get_contents("README.md").decoded_content.decode()
tree = repo.get_git_tree(sha, recursive=True).tree
seen["tree"] = [[entry.path, entry.type] for entry in tree]

seen["workflows"] = [[one.name, one.path, one.state] for one in repo.get_workflows()]
verify = repo.get_workflow("verify.yml")
runs = verify.get_runs(branch="main", event="push", status="success")
seen["green"] = [runs.totalCount, [[run.id, run.head_sha, run.conclusion] for run in runs]]
seen["all_runs"] = [[run.id, run.status] for run in repo.get_workflow_runs()]

deploy = repo.get_workflow("deploy.yml")
seen["dispatched"] = deploy.create_dispatch("main", {"sha": sha})
newest = deploy.get_runs()[0]
seen["deploy"] = [newest.id, newest.display_title, newest.event, newest.actor.login]

commit.create_status("pending", "https://example.com/1", "WAIT", "booty/release-governor")
commit.create_status("success", "https://example.com/2", "ALLOW", "booty/release-governor")
seen["statuses"] = [
    [one.state, one.context, one.description, one.target_url, one.creator.login]
    for one in commit.get_statuses()
]
combined = commit.get_combined_status()
seen["combined"] = [combined.state, combined.total_count, [one.state for one in combined.statuses]]

issue = repo.create_issue("It broke", "Badly.", labels=["deploy-failure"])
issue.create_comment("Again.")
issue.edit(state="closed", state_reason="completed")
issue = repo.get_issue(issue.number)
seen["issue"] = [issue.number, issue.title, issue.state, issue.state_reason, issue.user.login]
seen["issue_has"] = [[label.name for label in issue.labels], [one.body for one in issue.get_comments()]]
seen["issues"] = [one.number for one in repo.get_issues(state="closed", labels=["deploy-failure"])]
seen["permission"] = [
    repo.get_collaborator_permission("dev"),
    repo.get_collaborator_role_name("dev"),
]
captains = Team(repo.requester, {}, {"url": f"{api}/orgs/{owner}/teams/release-captains"})
member = captains.get_team_membership("bea")
seen["member"] = [member.state, member.role]
seen["no_member"] = status_of(lambda: captains.get_team_membership("lead"))
pull = repo.get_pull(1)
seen["said"] = [[login_of(one.user), one.body] for one in pull.get_issue_comments()]
seen["happened"] = [[one.event, login_of(one.actor)] for one in pull.as_issue().get_timeline()]
seen["pull"] = [
    [label.name for label in pull.labels],
    pull.head.repo.full_name,
    pull.merged_by.login,
    pull.comments,
]
head = repo.get_pull(2).head
seen["fork"] = [head.label, head.ref, head.repo is None, head.user is None]
seen["limit"] = limit_of(github)

integration = GithubIntegration(auth=Auth.AppAuth(where["app"], where["key"]), **quick)
seen["app"] = [integration.get_app().id, integration.get_app().slug]
seen["installations"] = [
    [one.id, one.raw_data["account"]["login"], one.raw_data["repository_selection"]]
    for one in integration.get_installations()
]
installation = integration.get_repo_installation(*name.split("/"))
seen["found"] = [installation.id, integration.get_org_installation(owner).id]
token = integration.get_access_token(installation.id)
seen["token"] = [token.token[:4], dict(sorted(token.permissions.items()))]
bot = integration.get_github_for_installation(installation.id)
seen["bot_reads"] = [one.full_name for one in installation.get_repos()]
status = bot.get_repo(name).get_commit(sha).create_status("success", context="ci/app")
seen["bot_writes"] = [status.creator.login, status.creator.type]
seen["bot_is_nobody"] = status_of(lambda: bot.get_user().login)
seen["bot_sees"] = [status_of(lambda: bot.get_repo(other)) for other in where["others"]]

print(json.dumps(seen))
