//! The expected result for each small history.

/// A sentence, the commits in the order of creation, and the expected result.
///
/// `1` is in production, and `*` marks the judged commit. A commit is the child of the previous
/// one unless its parents are given: `4<2,3`. `{2}` is the id of a commit, `{2:7}` its
/// abbreviation; `|` ends a line of a message.
pub(super) type Row = (&'static str, &'static [&'static str], &'static str);

pub(super) const BY_SHA: &[Row] = &[
    ("nothing is reverted", &["*2 Add a cart", "3 Fix a typo"], "nothing"),
    ("a revert by sha", &["*2 Cart", "3 Undo||This reverts commit {2}."], "3 reverts 2"),
    ("by a short sha", &["*2 Cart", "3 Undo||This reverts commit {2:7}."], "3 reverts 2"),
    (
        "by six digits, which name nothing",
        &["*2 Cart", "3 Undo||This reverts commit {2:6}."],
        "nothing",
    ),
    (
        "by 41 digits, which name nothing",
        &["*2 Cart", "3 Undo||This reverts commit {2}0."],
        "nothing",
    ),
    ("of production", &["*2 Cart", "3 Undo||This reverts commit {1}."], "nothing"),
    ("of a commit after it", &["*2 Cart", "3 Till", "4 Undo||This reverts commit {3}."], "nothing"),
    (
        "the commit and its revert are in the range",
        &["2 Cart", "*3 Undo||This reverts commit {2}."],
        "nothing",
    ),
    (
        "the same, and more comes after them",
        &["2 Cart", "*3 Undo||This reverts commit {2}.", "4 Till"],
        "nothing",
    ),
    (
        "amid a range",
        &["2 Cart", "3 Till", "*4 Tax", "5 Undo||This reverts commit {3}."],
        "5 reverts 3",
    ),
    (
        "unverified commits in between",
        &["*2 Cart", "3 Till", "4 Undo||This reverts commit {2}."],
        "4 reverts 2",
    ),
    (
        "the first sha of a message counts alone",
        &["*2 Cart", "3 Till", "4 Undo||This reverts commit {3}.|This reverts commit {2}."],
        "nothing",
    ),
    (
        "several reverts: the newest is named",
        &[
            "2 Cart",
            "*3 Till",
            "4 Undo||This reverts commit {2}.",
            "5 Undo||This reverts commit {3}.",
        ],
        "5 reverts 3, and 1 more",
    ),
    (
        "the revert of the revert takes it back",
        &["*2 Cart", "3 Undo||This reverts commit {2}.", "4 Redo||This reverts commit {3}."],
        "nothing",
    ),
    (
        "the last word counts",
        &[
            "*2 Cart",
            "3 Undo||This reverts commit {2}.",
            "4 Redo||This reverts commit {3}.",
            "5 No||This reverts commit {4}.",
        ],
        "5 reverts 2",
    ),
    (
        "only one of two reverts is taken back",
        &[
            "2 Cart",
            "*3 Till",
            "4 Undo||This reverts commit {2}.",
            "5 Undo||This reverts commit {3}.",
            "6 Redo||This reverts commit {5}.",
        ],
        "4 reverts 2",
    ),
    (
        "a revert of what production has, which is taken back later",
        &["*2 Undo||This reverts commit {1}.", "3 Redo||This reverts commit {2}."],
        "3 reverts 2",
    ),
    (
        "a pair that cancels itself out, and is taken up again",
        &["2 Cart", "*3 Undo||This reverts commit {2}.", "4 Redo||This reverts commit {3}."],
        "nothing",
    ),
    (
        "reverted, reapplied, and reverted after the commit again",
        &[
            "2 Cart",
            "3 Undo||This reverts commit {2}.",
            "*4 Redo||This reverts commit {3}.",
            "5 No||This reverts commit {4}.",
        ],
        "5 reverts 2",
    ),
    (
        "a cherry-pick of what is reverted",
        &["*2 Cart||(cherry picked from commit {99})", "3 Undo||This reverts commit {99}."],
        "3 reverts 2",
    ),
    (
        "a cherry-pick of another commit",
        &["*2 Cart||(cherry picked from commit {98})", "3 Undo||This reverts commit {99}."],
        "nothing",
    ),
    (
        "a revert that was cherry-picked, and is itself reverted by its first name",
        &[
            "*2 Cart",
            "3 Undo||This reverts commit {2}.|(cherry picked from commit {99})",
            "4 Redo||This reverts commit {99}.",
        ],
        "nothing",
    ),
];

pub(super) const BY_PULL: &[Row] = &[
    ("a squash", &["*2 Cart (#12)", "3 Undo (#13)||Reverts acme/shop#12"], "3 reverts 2"),
    ("without the repository", &["*2 Cart (#12)", "3 Undo||Reverts #12"], "3 reverts 2"),
    ("of another repository", &["*2 Cart (#12)", "3 Undo||Reverts acme/till#12"], "nothing"),
    (
        "whatever the case of the name",
        &["*2 Cart (#12)", "3 Undo||Reverts Acme/Shop#12"],
        "3 reverts 2",
    ),
    ("of another pull request", &["*2 Cart (#12)", "3 Undo||Reverts #121"], "nothing"),
    ("reverts as a part of a word", &["*2 Cart (#12)", "3 NotReverts #12 at all"], "nothing"),
    (
        "a merge commit",
        &["2<1 Cart", "*3<1,2 Merge pull request #12 from dev/cart||A cart", "4 Undo||Reverts #12"],
        "4 reverts 3",
    ),
    (
        "a revert that was merged by a merge commit",
        &[
            "*2 Cart",
            "3<2 Undo||This reverts commit {2}.",
            "4<2,3 Merge pull request #13 from dev/undo||Undo",
        ],
        "3 reverts 2",
    ),
    (
        "the pull request of a revert, reverted in turn",
        &["*2 Cart (#12)", "3 Undo (#13)||Reverts #12", "4 Redo (#14)||Reverts #13"],
        "nothing",
    ),
    (
        "a merge that brought a revert, reverted by its sha",
        &[
            "*2 Cart",
            "3<2 Undo||This reverts commit {2}.",
            "4<2,3 Merge pull request #13 from dev/undo||Undo",
            "5 Redo||This reverts commit {4}, reversing|changes made to {2}.",
        ],
        "nothing",
    ),
    (
        "the number of what is reverted behind a conventional title",
        &["*2 Cart (#12)", "3 revert: Cart (#12)", "4 Undo (#14)||Reverts #12"],
        "4 reverts 2",
    ),
    (
        "a hotfix names a pull request, and reverts nothing",
        &["*2 Cart (#12)", "3 Fix #12"],
        "nothing",
    ),
];

pub(super) const BY_TITLE: &[Row] = &[
    ("git's title", &["*2 Add a cart", "3 Revert \"Add a cart\""], "3 reverts 2"),
    ("another title", &["*2 Add a cart", "3 Revert \"Add a till\""], "nothing"),
    ("a title without its end", &["*2 Add a cart", "3 Revert \"Add a cart"], "nothing"),
    ("no title at all", &["*2", "3 Revert \"\""], "nothing"),
    ("numbers on both", &["*2 Add (#12)", "3 Revert \"Add (#12)\" (#13)"], "3 reverts 2"),
    ("a number on one", &["*2 Add (#12)", "3 Revert \"Add\" (#13)"], "3 reverts 2"),
    ("a number that is a part of the title", &["*2 Add #12", "3 Revert \"Add\""], "nothing"),
    ("a conventional commit", &["*2 feat: add", "3 revert: feat: add"], "3 reverts 2"),
    ("with a scope", &["*2 feat: add", "3 revert(cart): feat: add (#13)"], "3 reverts 2"),
    ("a breaking one", &["*2 feat: add", "3 revert(cart)!: feat: add"], "3 reverts 2"),
    ("another type", &["*2 feat: add", "3 reverted: feat: add"], "nothing"),
    ("the newest of one title", &["2 Bump", "*3 Bump", "4 Revert \"Bump\""], "4 reverts 3"),
    ("what production has of that title", &["*2 Cart", "3 Revert \"Change 1\""], "nothing"),
    (
        "a named sha comes before the title",
        &["*2 Bump", "3 Revert \"Bump\"||This reverts commit {1}."],
        "nothing",
    ),
    (
        "a sha of another branch, so the title",
        &["*2 Cart", "3 Revert \"Cart\"||This reverts commit {99}."],
        "3 reverts 2",
    ),
    (
        "git's name for a revert of a revert",
        &["*2 Cart", "3 Revert \"Cart\"", "4 Reapply \"Cart\""],
        "nothing",
    ),
    (
        "GitHub's name for it",
        &["*2 Cart (#12)", "3 Revert \"Cart\" (#13)", "4 Revert \"Revert \"Cart\"\" (#14)"],
        "nothing",
    ),
    (
        "a reapplied commit, reverted again",
        &["*2 Cart", "3 Revert \"Cart\"", "4 Reapply \"Cart\"", "5 Revert \"Reapply \"Cart\"\""],
        "5 reverts 2",
    ),
    (
        "what is taken back was reverted in other words",
        &["*2 Cart", "3 Back out||This reverts commit {2}.", "4 Reapply \"Cart\""],
        "nothing",
    ),
    (
        "the title of a pull request that was merged",
        &["2<1 wip", "*3<1,2 Merge pull request #12 from dev/cart||A cart", "4 Revert \"A cart\""],
        "4 reverts 3",
    ),
    (
        "a merge and the revert that it brought say one thing, and one revert takes it back",
        &[
            "*2 Cart (#12)",
            "3<2 Revert \"Cart (#12)\"||This reverts commit {2}.",
            "4<2,3 Merge pull request #13 from dev/undo||Revert \"Cart\"",
            "5 Redo||This reverts commit {3}.",
        ],
        "nothing",
    ),
    (
        "letters of any script",
        &["*2 Füge Körbe 🛒 hinzu", "3 Revert \"Füge Körbe 🛒 hinzu\""],
        "3 reverts 2",
    ),
    ("signs of a pattern", &["*2 Fix .* (a+)+$", "3 Revert \"Fix .* (a+)+$\""], "3 reverts 2"),
    ("a pattern that would match", &["*2 Add a cart", "3 Revert \"Add .*\""], "nothing"),
];

pub(super) const IN_BRANCHES: &[Row] = &[
    (
        "a revert in a branch that was merged after the commit",
        &["*2 Cart", "3<2 Undo||This reverts commit {2}.", "4<2 Till", "5<4,3 Merge it"],
        "3 reverts 2",
    ),
    (
        "a revert on a branch that is not merged yet is nothing that the branch has",
        &["*2 Cart", "3<2 Undo||This reverts commit {2}.", "4<2 Till"],
        "nothing",
    ),
    (
        "a branch that forked before production, with commits that are older than the judged one",
        &["8<1 Undo||This reverts commit {2}.", "*2<1 Cart", "9<2,8 Merge it"],
        "8 reverts 2",
    ),
    (
        "a merge in the range is reverted with all that it brought",
        &["2<1 Cart", "3<2 More", "*4<1,3 Merge it", "5 Undo||This reverts commit {4}."],
        "5 reverts 4",
    ),
    (
        "one commit that a merge brought is reverted",
        &["2<1 Cart", "3<2 More", "*4<1,3 Merge it", "5 Undo||This reverts commit {2}."],
        "5 reverts 2",
    ),
    (
        "a merged branch takes back what the branch before it reverted",
        &[
            "*2 Cart",
            "3 Undo||This reverts commit {2}.",
            "4<3 Redo||This reverts commit {3}.",
            "5<3,4 Merge it",
        ],
        "nothing",
    ),
];

/// Production is none or uncertain: `1` is an ordinary commit then.
pub(super) const WITHOUT_PRODUCTION: &[Row] = &[
    ("a revert by sha", &["*2 Cart", "3 Undo||This reverts commit {2}."], "3 reverts 2"),
    ("of an older commit", &["*2 Cart", "3 Undo||This reverts commit {1:12}."], "3 reverts 1"),
    ("by a title", &["*2 Cart", "3 Revert \"Cart\""], "nothing"),
    ("by a pull request", &["*2 Cart (#12)", "3 Undo||Reverts #12"], "nothing"),
    ("of a commit elsewhere", &["*2 Cart", "3 Undo||This reverts commit {99}."], "nothing"),
    ("of what nobody knows", &["*2 Cart", "3 Undo||This reverts commit {99:8}."], "unknown"),
    (
        "taken back",
        &["*2 Cart", "3 Undo||This reverts commit {2}.", "4 Redo||This reverts commit {3}."],
        "nothing",
    ),
    (
        "taken back by a title alone",
        &["*2 Cart", "3 Revert \"Cart\"||This reverts commit {2}.", "4 Revert \"Revert \"Cart\"\""],
        "3 reverts 2",
    ),
];
