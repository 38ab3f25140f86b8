//! Fault injection: single faults on selected requests, or random ones from a seed.

use std::time::Duration;

use http::Method;

use super::ids::{Ids, next};

/// How a request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The request is not carried out. The answer has this status.
    Status(u16),
    /// The request is carried out, but the answer has this status.
    StatusAfter(u16),
    /// The request is carried out, but the connection breaks before its answer.
    LoseAnswer,
    /// The connection breaks before GitHub receives the request.
    LoseRequest,
    /// No connection is made. Over TCP, an existing connection is closed.
    RefuseConnection,
    /// The answer is delayed.
    Delay(Duration),
    /// The request is carried out, but its answer never comes and the connection stays open.
    Hang,
    /// The body is cut off in the middle.
    Truncate,
    /// The status is good, but the body is broken JSON.
    MalformedJson,
    /// The answer is good, except that its list is empty while `total_count` is not.
    EmptyList,
    /// An HTML page instead of JSON, with this status.
    Html(u16),
    /// GitHub reports that the primary rate limit is used up.
    PrimaryLimit,
    /// A secondary rate limit. Without `retry_after`, only the message shows what it is.
    SecondaryLimit {
        /// 403 or 429.
        status: u16,
        /// The value of the `retry-after` header in seconds, if it is sent.
        retry_after: Option<u64>,
    },
    /// GitHub refuses the request, which is not carried out.
    Refuse {
        /// Usually a 4xx.
        status: u16,
        /// The `message` of the answer.
        message: String,
    },
}

/// Selects the requests that fail.
#[derive(Clone, Debug)]
pub struct FaultOn {
    method: Option<Method>,
    writes_only: bool,
    operation: Option<String>,
    path: Option<String>,
    below: Option<String>,
    skip: u64,
    times: Option<u64>,
}

impl FaultOn {
    /// Any request, once.
    #[must_use]
    pub fn any() -> Self {
        FaultOn {
            method: None,
            writes_only: false,
            operation: None,
            path: None,
            below: None,
            skip: 0,
            times: Some(1),
        }
    }

    /// Requests of this operation, once. The name is GitHub's, with or without the part before
    /// the slash, such as `create-workflow-dispatch` or `repos/get`.
    #[must_use]
    pub fn operation(name: &str) -> Self {
        FaultOn { operation: Some(name.to_owned()), ..Self::any() }
    }

    /// Requests to this path, once. `*` matches anything; the query is part of the path.
    #[must_use]
    pub fn path(pattern: &str) -> Self {
        FaultOn { path: Some(pattern.to_owned()), ..Self::any() }
    }

    /// Any write, once.
    #[must_use]
    pub fn writes() -> Self {
        FaultOn { writes_only: true, ..Self::any() }
    }

    /// Limits the selection to one method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Limits the selection to one repository, any operation.
    #[must_use]
    pub fn in_repository(mut self, full_name: &str) -> Self {
        self.below = Some(format!("/repos/{}", full_name.to_lowercase()));
        self
    }

    /// Limits the selection to one account's repositories, any operation.
    #[must_use]
    pub fn of_owner(self, login: &str) -> Self {
        self.in_repository(login)
    }

    /// Starts with the nth matching request, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.skip = nth.saturating_sub(1);
        self
    }

    /// Sets how many times the fault occurs.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Makes the fault permanent, until it is removed.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    fn matches(&self, method: &Method, path: &str, operation: Option<&str>) -> bool {
        let writes = !matches!(*method, Method::GET | Method::HEAD);
        let named = |name: &String| {
            operation.is_some_and(|full| {
                full == name || full.split_once('/').is_some_and(|(_, short)| short == name)
            })
        };
        (writes || !self.writes_only)
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.operation.as_ref().is_none_or(named)
            && self.path.as_ref().is_none_or(|pattern| glob(pattern, path))
            && self.below.as_ref().is_none_or(|above| {
                // GitHub compares names case-insensitively.
                let (head, rest) = path.split_at_checked(above.len()).unwrap_or(("", "-"));
                head.eq_ignore_ascii_case(above)
                    && (rest.is_empty() || rest.starts_with(['/', '?']))
            })
    }
}

/// Identifies a fault, for its removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

struct Standing {
    id: FaultId,
    on: FaultOn,
    fault: Fault,
}

#[derive(Default)]
pub(super) struct Faults {
    standing: Vec<Standing>,
    chaos: Option<Chaos>,
}

struct Chaos {
    state: u64,
    per_mille: u64,
    kinds: Vec<Fault>,
}

impl Faults {
    pub(super) fn add(&mut self, on: FaultOn, fault: Fault, ids: &mut Ids) -> FaultId {
        let id = FaultId(next(&mut ids.fault));
        self.standing.push(Standing { id, on, fault });
        id
    }

    pub(super) fn mend(&mut self, id: FaultId) {
        self.standing.retain(|standing| standing.id != id);
    }

    /// Makes this share of all requests fail, each in a way drawn from `kinds`.
    pub(super) fn rage(&mut self, seed: u64, per_mille: u64, kinds: Vec<Fault>) {
        self.chaos = Some(Chaos { state: seed, per_mille, kinds });
    }

    pub(super) fn calm(&mut self) {
        self.standing.clear();
        self.chaos = None;
    }

    /// The fault for this request, if any. Counts as one occurrence of it.
    pub(super) fn strike(
        &mut self,
        method: &Method,
        path: &str,
        operation: Option<&str>,
    ) -> Option<Fault> {
        let mut struck = None;
        for standing in &mut self.standing {
            if !standing.on.matches(method, path, operation) {
                continue;
            }
            if standing.on.skip > 0 {
                standing.on.skip -= 1;
            } else if struck.is_none() && standing.on.times != Some(0) {
                struck = Some(standing.fault.clone());
                standing.on.times = standing.on.times.map(|left| left - 1);
            }
        }
        self.standing.retain(|standing| standing.on.times != Some(0));
        struck.or_else(|| self.chaos.as_mut()?.draw())
    }
}

impl Chaos {
    fn draw(&mut self) -> Option<Fault> {
        // Both numbers are drawn every time, so that an extra request does not change the kind
        // of later faults.
        let (strikes, kind) = (self.random() % 1_000, self.random());
        if strikes >= self.per_mille || self.kinds.is_empty() {
            return None;
        }
        let count = u64::try_from(self.kinds.len()).unwrap_or(u64::MAX);
        self.kinds.get(usize::try_from(kind % count).ok()?).cloned()
    }

    /// splitmix64: small, and good enough to choose faults.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Whether a text matches a pattern in which `*` matches anything.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, rest)) => text.strip_prefix(before).is_some_and(|text| {
            let mut ends = (0..=text.len()).filter(|&at| text.is_char_boundary(at));
            ends.any(|at| text.get(at..).is_some_and(|text| glob(rest, text)))
        }),
    }
}
