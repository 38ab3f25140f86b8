//! Estimates how many settled repositories the limits of one credential can carry.

use std::time::Duration;

use super::fleet::{FOR_PASSES, LIMIT_RESERVE, LONGEST};
use crate::observe::{SELDOM, UNFILTERED_EVERY};

/// Requests of a settled pass: deploy runs, verification runs, the candidate's statuses. Each
/// is answered with 304, which does not count towards GitHub's hourly limit but uses a slot of
/// our own request rate.
const A_PASS: f64 = 3.0;
/// Requests for slow-changing facts: the repository, its workflows, its branch, and the deploy
/// runs of 30 days.
const A_SELDOM_LOOK: f64 = 4.0;
/// The unfiltered list of every tenth pass.
const A_TENTH_PASS: f64 = 1.0;
/// Distinct URLs that a settled repository requests. The first answer from each under a new
/// token counts towards the hourly limit, and an App's token changes every hour.
const ADDRESSES: f64 = A_PASS + A_SELDOM_LOOK + A_TENTH_PASS;

/// Requests per minute that one settled repository needs.
fn points(interval: Duration) -> f64 {
    let interval = interval.as_secs_f64().max(f64::EPSILON);
    let slow_changing = (SELDOM.as_secs_f64() / interval).ceil() * interval;
    let a_pass = A_PASS + A_TENTH_PASS / f64::from(UNFILTERED_EVERY);
    60.0 * (a_pass / interval + A_SELDOM_LOOK / slow_changing)
}

/// The number of settled repositories that `per_minute` requests can carry at this interval.
#[must_use]
pub fn carried(per_minute: u32, interval: Duration) -> u32 {
    whole(f64::from(per_minute) * FOR_PASSES / points(interval))
}

/// The number of settled repositories that an App installation can carry within its hourly
/// limit.
#[must_use]
pub fn carried_by_an_app(requests_per_hour: u32) -> u32 {
    whole(f64::from(requests_per_hour) * (1.0 - LIMIT_RESERVE) / ADDRESSES)
}

/// The shortest interval, not below `wanted`, at which `per_minute` requests carry this many
/// repositories.
#[must_use]
pub fn interval_of(repositories: u32, per_minute: u32, wanted: Duration) -> Duration {
    let mut interval = wanted;
    while carried(per_minute, interval) < repositories && interval < LONGEST {
        interval = interval.mul_f64(1.01).max(interval + Duration::from_secs(1));
    }
    interval.min(LONGEST.max(wanted))
}

/// Rounds down to a number of repositories, saturating at `u32::MAX`. Adding 1e-9 makes up for
/// floating-point error just below a whole number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is within the bounds of a u32"
)]
fn whole(number: f64) -> u32 {
    (number + 1e-9).clamp(0.0, f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_longer_interval_carries_more() {
        assert_eq!(carried(700, MINUTE), 180);
        assert_eq!(carried(700, 5 * MINUTE), 617);
        assert_eq!(carried(700, 10 * MINUTE), 887);
        assert_eq!(carried(0, MINUTE), 0);
    }

    #[test]
    fn more_than_are_carried_are_looked_at_less_often() {
        assert_eq!(interval_of(180, 700, MINUTE), MINUTE);
        let of_a_thousand = interval_of(1_000, 700, MINUTE);
        assert!(carried(700, of_a_thousand) >= 1_000, "{of_a_thousand:?}");
        assert!(carried(700, of_a_thousand.mul_f64(0.95)) < 1_000, "{of_a_thousand:?}");
        assert_eq!(interval_of(1_000_000, 700, MINUTE), LONGEST);
        assert_eq!(interval_of(10, 0, 2 * LONGEST), 2 * LONGEST);
    }

    #[test]
    fn an_apps_hourly_limit_carries_so_many() {
        assert_eq!((carried_by_an_app(5_000), carried_by_an_app(15_000)), (562, 1_687));
    }
}
