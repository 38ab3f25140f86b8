//! The complete answer of each address.

use insta::assert_snapshot;
use release_governor::config;
use release_governor::domain::Reason;
use serde_json::Value;

use super::asking::{good, shown};
use crate::described;
use crate::town::Town;

#[test]
fn every_address_answers_whole() {
    let (town, shop, first) = Town::with_shop();
    let low = shop.verified(&["src/cart.rs"]);
    let running = town.govern();
    town.row_when("acme/shop", |row| row["reason"] == "deploying");
    let run = shop.runs().into_iter().find(|run| run.input_sha.as_ref() == Some(&low)).unwrap();
    shop.finish_run(run.id, "success");
    town.row_when("acme/shop", |row| row["reason"] == "deployed");
    let high = shop.verified(&["infra/main.tf"]);
    town.row_when("acme/shop", |row| row["reason"] == "high_risk_no_approval");
    let names = [(first.as_str(), "FIRST"), (low.as_str(), "LOW"), (high.as_str(), "HIGH")];
    let whole = |address: &str| {
        let mut answer = good(&running, address).json();
        if let Some(answer) = answer.as_object_mut() {
            // See the next test.
            answer.remove("policy");
        }
        leave_out_silent_rules(&mut answer);
        shown(&answer, &names)
    };

    // Like the page `/`, it has all repositories in addition to its links.
    let mut index = good(&running, "/api/v1").json();
    let all = good(&running, "/api/v1/repositories").json();
    assert_eq!(
        index.as_object_mut().unwrap().remove("repositories"),
        Some(all["repositories"].clone())
    );
    let links = shown(&index, &names).replace(env!("CARGO_PKG_VERSION"), "[version]");
    assert_snapshot!(links, @r#"
    {
      "links": {
        "attempts": "/api/v1/repos/{owner}/{name}/attempts",
        "calendar": "/api/v1/calendar",
        "commit": "/api/v1/repos/{owner}/{name}/commits/{sha}",
        "ledger": "/api/v1/repos/{owner}/{name}/ledger",
        "repositories": "/api/v1/repositories",
        "repository": "/api/v1/repos/{owner}/{name}"
      },
      "name": "release-governor",
      "openapi": "/api/v1/openapi.json",
      "version": "[version]"
    }
    "#);
    assert_eq!(good(&running, "/api/v1/calendar").json(), serde_json::json!({ "entries": [] }));
    assert_snapshot!(whole("/api/v1/repositories"), @r#"
    {
      "controller_running": true,
      "repositories": [
        {
          "branch_tip": "HIGH",
          "candidate_sha": "HIGH",
          "decision": "HOLD",
          "dry_run": false,
          "enabled": true,
          "error": null,
          "forecast": null,
          "head_reason": null,
          "head_sha": null,
          "last_deploy_attempt_sha": "LOW",
          "last_deploy_result": "success",
          "last_deploy_time": "[time]",
          "last_health_check": null,
          "last_pass": "[time]",
          "paused": null,
          "production_approvals": [],
          "production_sha_current": "LOW",
          "production_sha_previous": "FIRST",
          "reason": "high_risk_no_approval",
          "repository": "acme/shop",
          "risk_class": "HIGH",
          "ships_at": null,
          "unverified_commits": 0
        }
      ]
    }
    "#);
    assert_eq!(whole("/api/v1/repos"), whole("/api/v1/repositories"));
    let status = town.run(&["status", "--json"]).json();
    assert_eq!(whole("/api/v1/repositories"), shown(&status, &names), "as `status --json`");
    assert_snapshot!(whole("/api/v1/repos/acme/shop"), @r#"
    {
      "branch_tip": "HIGH",
      "candidate_sha": "HIGH",
      "decision": "HOLD",
      "dry_run": false,
      "enabled": true,
      "error": null,
      "forecast": null,
      "governed_since": "[time]",
      "head_reason": null,
      "head_sha": null,
      "in_flight": {
        "attempts": [],
        "runs": []
      },
      "issues_unavailable": null,
      "judgements": [
        {
          "approvals": [],
          "decided_at": "[time]",
          "decision": "HOLD",
          "evidence": [
            "production is LOW~7 by run 17000000004, attempt 1, since [date] [clock] UTC",
            "risk HIGH: from the paths that differ from production; listed paths: 1 HIGH, 0 MEDIUM",
            "infra/main.tf is HIGH: it matches infra/**; HIGH~7 (no pull request) brought it"
          ],
          "forecast": null,
          "judged_at": "[time]",
          "paths": [
            {
              "brought_by": [
                {
                  "commit": "HIGH",
                  "pull_requests": []
                }
              ],
              "commit": "HIGH",
              "path": "infra/main.tf",
              "pattern": "infra/**",
              "pull_request": null,
              "risk_class": "HIGH"
            }
          ],
          "paths_left_out": 0,
          "reason": "high_risk_no_approval",
          "risk_class": "HIGH",
          "rules": [
            {
              "decision": "HOLD",
              "found": "decides",
              "reason": "high_risk_no_approval",
              "said": "`release-governor approve acme/shop HIGH~7 --reason \"WHY\"`"
            }
          ],
          "sha": "HIGH",
          "ships_at": null,
          "source": "last_pass",
          "unblock_hints": [
            "`release-governor approve acme/shop HIGH~7 --reason \"WHY\"`"
          ]
        }
      ],
      "last_deploy_attempt_sha": "LOW",
      "last_deploy_result": "success",
      "last_deploy_time": "[time]",
      "last_health_check": null,
      "last_pass": "[time]",
      "paused": null,
      "poll_interval_seconds": 0.3,
      "production": {
        "certainty": "known",
        "run": {
          "attempt": 1,
          "id": 17000000004
        },
        "run_url": "https://github.com/acme/shop/actions/runs/17000000004",
        "sha": "LOW",
        "since": "[time]"
      },
      "production_approvals": [],
      "production_sha_current": "LOW",
      "production_sha_previous": "FIRST",
      "reason": "high_risk_no_approval",
      "rejection": null,
      "repository": "acme/shop",
      "risk_class": "HIGH",
      "ships_at": null,
      "unverified_commits": 0,
      "words": {
        "approvals": [],
        "approved_by_environment": {
          "everything": false,
          "shas": []
        },
        "pauses": [],
        "production_set": null
      }
    }
    "#);
    assert_snapshot!(whole(&format!("/api/v1/repos/acme/shop/commits/{high}")), @r#"
    {
      "approvals": [],
      "attempts": [],
      "counted_approvals": [],
      "history": [
        {
          "entry": {
            "at": "[time]",
            "kind": "status_written",
            "sha": "HIGH",
            "status": {
              "at": "[time]",
              "context": "booty/release-governor",
              "description": "HOLD HIGH~7 · HIGH · high_risk_no_approval: `release-governor approve acme/shop HIGH~7 --reason \"WHY\"`",
              "id": 35000000003,
              "state": "failure",
              "target_url": "https://github.com/acme/shop/actions/runs/17000000005"
            }
          },
          "number": 20,
          "told": "status of HIGH~7 set to failure: HOLD HIGH~7 · HIGH · high_risk_no_approval: `release-governor approve acme/shop HIGH~7 --reason \"WHY\"`"
        },
        {
          "entry": {
            "at": "[time]",
            "evidence": [
              "production is LOW~7 by run 17000000004, attempt 1, since [date] [clock] UTC",
              "risk HIGH: from the paths that differ from production; listed paths: 1 HIGH, 0 MEDIUM",
              "infra/main.tf is HIGH: it matches infra/**; HIGH~7 (no pull request) brought it"
            ],
            "kind": "decided",
            "outcome": "HOLD",
            "reason": "high_risk_no_approval",
            "risk": "HIGH",
            "sha": "HIGH"
          },
          "number": 19,
          "told": "HIGH~7: HOLD HIGH high_risk_no_approval"
        },
        {
          "entry": {
            "at": "[time]",
            "kind": "candidate",
            "sha": "HIGH"
          },
          "number": 18,
          "told": "HIGH~7 is the candidate"
        }
      ],
      "history_complete": true,
      "issue": null,
      "judgement": {
        "approvals": [],
        "decided_at": "[time]",
        "decision": "HOLD",
        "evidence": [
          "production is LOW~7 by run 17000000004, attempt 1, since [date] [clock] UTC",
          "risk HIGH: from the paths that differ from production; listed paths: 1 HIGH, 0 MEDIUM",
          "infra/main.tf is HIGH: it matches infra/**; HIGH~7 (no pull request) brought it"
        ],
        "forecast": null,
        "judged_at": "[time]",
        "paths": [
          {
            "brought_by": [
              {
                "commit": "HIGH",
                "pull_requests": []
              }
            ],
            "commit": "HIGH",
            "path": "infra/main.tf",
            "pattern": "infra/**",
            "pull_request": null,
            "risk_class": "HIGH"
          }
        ],
        "paths_left_out": 0,
        "reason": "high_risk_no_approval",
        "risk_class": "HIGH",
        "rules": [
          {
            "decision": "HOLD",
            "found": "decides",
            "reason": "high_risk_no_approval",
            "said": "`release-governor approve acme/shop HIGH~7 --reason \"WHY\"`"
          }
        ],
        "sha": "HIGH",
        "ships_at": null,
        "source": "last_pass",
        "unblock_hints": [
          "`release-governor approve acme/shop HIGH~7 --reason \"WHY\"`"
        ]
      },
      "repository": "acme/shop",
      "roles": [
        "candidate"
      ],
      "runs": [],
      "sha": "HIGH",
      "status_refused": null,
      "statuses": [
        {
          "at": "[time]",
          "description": "HOLD HIGH~7 · HIGH · high_risk_no_approval: `release-governor approve acme/shop HIGH~7 --reason \"WHY\"`",
          "state": "failure",
          "target_url": "https://github.com/acme/shop/actions/runs/17000000005"
        }
      ],
      "statuses_written": 1
    }
    "#);
    assert_snapshot!(whole(&format!("/api/v1/repos/acme/shop/commits/{}", &low[..7])), @r#"
    {
      "approvals": [],
      "attempts": [
        {
          "absent_at": [],
          "begun_at": "[time]",
          "deploy_ref": "main",
          "id": "[id]",
          "judged_tip": "LOW",
          "late": false,
          "mark": 35000000001,
          "marked_at": "[time]",
          "moved_deploy_files": null,
          "number": 1,
          "phase": "closed",
          "reason": "allow_low",
          "result": "success",
          "risk_class": "LOW",
          "run": {
            "attempt": 1,
            "created_at": "[time]",
            "event": "workflow_dispatch",
            "failed_step": null,
            "finished": true,
            "id": 17000000004,
            "progress": "success",
            "sha": "LOW",
            "started_at": "[time]",
            "updated_at": "[time]",
            "url": "https://github.com/acme/shop/actions/runs/17000000004"
          },
          "sha": "LOW",
          "told": "the deploy succeeded",
          "workflow_id": 90000001
        }
      ],
      "counted_approvals": [],
      "history": [
        {
          "entry": {
            "at": "[time]",
            "evidence": [
              "run 17000000004 deployed it",
              "production is LOW~7 by run 17000000004, attempt 1, since [date] [clock] UTC",
              "risk LOW: as decided when it was shipped"
            ],
            "kind": "decided",
            "outcome": "ALLOW",
            "reason": "deployed",
            "risk": "LOW",
            "sha": "LOW"
          },
          "number": 17,
          "told": "LOW~7: ALLOW LOW deployed"
        },
        {
          "entry": {
            "at": "[time]",
            "id": "[id]",
            "kind": "attempt_closed",
            "outcome": "succeeded"
          },
          "number": 16,
          "told": "attempt [id] the deploy succeeded"
        },
        {
          "entry": {
            "at": "[time]",
            "kind": "run_seen",
            "run": {
              "attempts": [
                [
                  1,
                  {
                    "failed_step": null,
                    "has_jobs": null,
                    "progress": {
                      "finished": "success"
                    },
                    "started_at": "[time]",
                    "superseded": null,
                    "updated_at": "[time]"
                  }
                ]
              ],
              "attributed_by": "owner",
              "attribution": {
                "sha": "LOW"
              },
              "created_at": "[time]",
              "deleted": false,
              "event": "workflow_dispatch",
              "history": "not_asked",
              "html_url": "https://github.com/acme/shop/actions/runs/17000000004",
              "id": 17000000004,
              "kind": "deploy",
              "source": {
                "head_branch": "main",
                "head_repository": 500000001,
                "head_sha": "LOW",
                "title": "Deploy LOW",
                "workflow": 90000001
              }
            }
          },
          "number": 15,
          "told": "deploy run 17000000004 of LOW~7 ended in success"
        },
        {
          "entry": {
            "at": "[time]",
            "kind": "status_written",
            "sha": "LOW",
            "status": {
              "at": "[time]",
              "context": "booty/release-governor",
              "description": "ALLOW LOW~7 · LOW · Triggered: deploy workflow run",
              "id": 35000000002,
              "state": "success",
              "target_url": "https://github.com/acme/shop/actions/runs/17000000004"
            }
          },
          "number": 14,
          "told": "status of LOW~7 set to success: ALLOW LOW~7 · LOW · Triggered: deploy workflow run"
        },
        {
          "entry": {
            "at": "[time]",
            "evidence": [
              "run 17000000004 deploys it now",
              "production is FIRST~7 by run 17000000002, attempt 1, since [date] [clock] UTC",
              "risk LOW: as decided when it was shipped"
            ],
            "kind": "decided",
            "outcome": "ALLOW",
            "reason": "deploying",
            "risk": "LOW",
            "sha": "LOW"
          },
          "number": 13,
          "told": "LOW~7: ALLOW LOW deploying"
        },
        {
          "entry": {
            "at": "[time]",
            "kind": "run_seen",
            "run": {
              "attempts": [
                [
                  1,
                  {
                    "failed_step": null,
                    "has_jobs": null,
                    "progress": {
                      "unfinished": "queued"
                    },
                    "started_at": "[time]",
                    "superseded": null,
                    "updated_at": "[time]"
                  }
                ]
              ],
              "attributed_by": "owner",
              "attribution": {
                "sha": "LOW"
              },
              "created_at": "[time]",
              "deleted": false,
              "event": "workflow_dispatch",
              "history": "not_asked",
              "html_url": "https://github.com/acme/shop/actions/runs/17000000004",
              "id": 17000000004,
              "kind": "deploy",
              "source": {
                "head_branch": "main",
                "head_repository": 500000001,
                "head_sha": "LOW",
                "title": "Deploy LOW",
                "workflow": 90000001
              }
            }
          },
          "number": 12,
          "told": "deploy run 17000000004 of LOW~7 is under way"
        },
        {
          "entry": {
            "at": "[time]",
            "id": "[id]",
            "kind": "attempt_run",
            "late": false,
            "run": 17000000004
          },
          "number": 11,
          "told": "attempt [id] run 17000000004"
        },
        {
          "entry": {
            "at": "[time]",
            "id": "[id]",
            "kind": "attempt_sending"
          },
          "number": 10,
          "told": "attempt [id] dispatch request sent"
        },
        {
          "entry": {
            "at": "[time]",
            "id": "[id]",
            "kind": "attempt_marked",
            "mark": {
              "at": "[time]",
              "id": 35000000001,
              "target_url": "https://github.com/acme/shop/actions/workflows/deploy.yml?query=branch%3Amain"
            }
          },
          "number": 9,
          "told": "attempt [id] pending status 35000000001 written"
        },
        {
          "entry": {
            "at": "[time]",
            "kind": "status_written",
            "sha": "LOW",
            "status": {
              "at": "[time]",
              "context": "booty/release-governor",
              "description": "ALLOW LOW~7 · LOW · dispatching [id]",
              "id": 35000000001,
              "state": "pending",
              "target_url": "https://github.com/acme/shop/actions/workflows/deploy.yml?query=branch%3Amain"
            }
          },
          "number": 8,
          "told": "status of LOW~7 set to pending: ALLOW LOW~7 · LOW · dispatching [id]"
        },
        {
          "entry": {
            "at": "[time]",
            "attempt": {
              "deploy_ref": "main",
              "id": "[id]",
              "judged_tip": "LOW",
              "merged_at": "[time]",
              "newest_run_seen": 17000000002,
              "number": 1,
              "reason": "allow_low",
              "rejection_key": "[digest]",
              "risk": "LOW",
              "sha": "LOW",
              "workflow": 90000001
            },
            "kind": "attempt_begun"
          },
          "number": 6,
          "told": "attempt [id] to deploy LOW~7"
        },
        {
          "entry": {
            "at": "[time]",
            "evidence": [
              "production is FIRST~7 by run 17000000002, attempt 1, since [date] [clock] UTC",
              "risk LOW: from the paths that differ from production"
            ],
            "kind": "decided",
            "outcome": "ALLOW",
            "reason": "allow_low",
            "risk": "LOW",
            "sha": "LOW"
          },
          "number": 5,
          "told": "LOW~7: ALLOW LOW allow_low"
        },
        {
          "entry": {
            "at": "[time]",
            "kind": "candidate",
            "sha": "LOW"
          },
          "number": 4,
          "told": "LOW~7 is the candidate"
        }
      ],
      "history_complete": true,
      "issue": null,
      "judgement": {
        "approvals": null,
        "decided_at": "[time]",
        "decision": "ALLOW",
        "evidence": [
          "run 17000000004 deployed it",
          "production is LOW~7 by run 17000000004, attempt 1, since [date] [clock] UTC",
          "risk LOW: as decided when it was shipped"
        ],
        "forecast": null,
        "judged_at": null,
        "paths": null,
        "paths_left_out": 0,
        "reason": "deployed",
        "risk_class": "LOW",
        "rules": null,
        "sha": "LOW",
        "ships_at": null,
        "source": "ledger",
        "unblock_hints": null
      },
      "repository": "acme/shop",
      "roles": [
        "production"
      ],
      "runs": [
        {
          "attempt": 1,
          "created_at": "[time]",
          "event": "workflow_dispatch",
          "failed_step": null,
          "finished": true,
          "id": 17000000004,
          "progress": "success",
          "sha": "LOW",
          "started_at": "[time]",
          "updated_at": "[time]",
          "url": "https://github.com/acme/shop/actions/runs/17000000004"
        }
      ],
      "sha": "LOW",
      "status_refused": null,
      "statuses": [
        {
          "at": "[time]",
          "description": "ALLOW LOW~7 · LOW · Triggered: deploy workflow run",
          "state": "success",
          "target_url": "https://github.com/acme/shop/actions/runs/17000000004"
        },
        {
          "at": "[time]",
          "description": "ALLOW LOW~7 · LOW · dispatching [id]",
          "state": "pending",
          "target_url": "https://github.com/acme/shop/actions/workflows/deploy.yml?query=branch%3Amain"
        }
      ],
      "statuses_written": 2
    }
    "#);
    assert_snapshot!(whole("/api/v1/repos/ACME/Shop/attempts"), @r#"
    {
      "attempts": [
        {
          "absent_at": [],
          "begun_at": "[time]",
          "deploy_ref": "main",
          "id": "[id]",
          "judged_tip": "LOW",
          "late": false,
          "mark": 35000000001,
          "marked_at": "[time]",
          "moved_deploy_files": null,
          "number": 1,
          "phase": "closed",
          "reason": "allow_low",
          "result": "success",
          "risk_class": "LOW",
          "run": {
            "attempt": 1,
            "created_at": "[time]",
            "event": "workflow_dispatch",
            "failed_step": null,
            "finished": true,
            "id": 17000000004,
            "progress": "success",
            "sha": "LOW",
            "started_at": "[time]",
            "updated_at": "[time]",
            "url": "https://github.com/acme/shop/actions/runs/17000000004"
          },
          "sha": "LOW",
          "told": "the deploy succeeded",
          "workflow_id": 90000001
        }
      ],
      "next": null,
      "repository": "acme/shop"
    }
    "#);
    assert_snapshot!(whole("/api/v1/repos/acme/shop/ledger?kind=decided,candidate&limit=3"), @r#"
    {
      "entries": [
        {
          "entry": {
            "at": "[time]",
            "evidence": [
              "production is LOW~7 by run 17000000004, attempt 1, since [date] [clock] UTC",
              "risk HIGH: from the paths that differ from production; listed paths: 1 HIGH, 0 MEDIUM",
              "infra/main.tf is HIGH: it matches infra/**; HIGH~7 (no pull request) brought it"
            ],
            "kind": "decided",
            "outcome": "HOLD",
            "reason": "high_risk_no_approval",
            "risk": "HIGH",
            "sha": "HIGH"
          },
          "number": 19,
          "told": "HIGH~7: HOLD HIGH high_risk_no_approval"
        },
        {
          "entry": {
            "at": "[time]",
            "kind": "candidate",
            "sha": "HIGH"
          },
          "number": 18,
          "told": "HIGH~7 is the candidate"
        },
        {
          "entry": {
            "at": "[time]",
            "evidence": [
              "run 17000000004 deployed it",
              "production is LOW~7 by run 17000000004, attempt 1, since [date] [clock] UTC",
              "risk LOW: as decided when it was shipped"
            ],
            "kind": "decided",
            "outcome": "ALLOW",
            "reason": "deployed",
            "risk": "LOW",
            "sha": "LOW"
          },
          "number": 17,
          "told": "LOW~7: ALLOW LOW deployed"
        }
      ],
      "next": 17,
      "repository": "acme/shop"
    }
    "#);
    assert_eq!(good(&running, "/api/v1/openapi.json").body, described::DESCRIPTION);

    // The same as `history --json`, except for the command's additional keys.
    let history = town.run(&["history", "acme/shop", "--limit", "200", "--json"]).json();
    let ledger = good(&running, "/api/v1/repos/acme/shop/ledger?limit=200").json();
    assert_eq!(ledger["entries"], history["entries"]);
    assert_eq!(running.end().0, 0);
}

#[test]
fn the_policy_is_the_one_in_force() {
    let (town, _, _) = Town::with_shop();
    town.configure("defaults: {cooldown_minutes: 7}\nrepositories: [{name: acme/shop}]\n");
    let running = town.govern();
    let policy = good(&running, "/api/v1/repos/acme/shop").json()["policy"].clone();
    assert_eq!(policy["cooldown_minutes"], 7);
    let file = town.directory.path().join("governor.yaml");
    let config = config::load(&file, std::iter::empty()).unwrap();
    assert_eq!(policy, config.effective()["repositories"][0]);
    assert_eq!(running.end().0, 0);
}

/// Each decision lists all twenty-five rules, most of which do not apply. Those are omitted
/// here, after checking their number.
fn leave_out_silent_rules(answer: &mut Value) {
    match answer {
        Value::Object(fields) => {
            if let Some(Value::Array(rules)) = fields.get_mut("rules") {
                assert_eq!(rules.len(), Reason::ALL.len());
                rules.retain(|rule| !rule["said"].is_null());
            }
            fields.values_mut().for_each(leave_out_silent_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_silent_rules),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
