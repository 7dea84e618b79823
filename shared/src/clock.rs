//! Wall-clock time. Waiting and measuring use tokio's clock, which tests pause; this one answers only
//! "what time is it", which is written to tables and compared between hosts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

/// Milliseconds since the Unix epoch, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

const MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const DATE_PATH: &[BorrowedFormatItem<'_>] = format_description!("[year]/[month]/[day]");

/// The last millisecond of the year 9999, the largest that RFC 3339 can write.
const MAX_MILLIS: i64 = 253_402_300_799_999;

/// A text that is no RFC 3339 timestamp.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 timestamp")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The first moment of 2025: where simulations and tests begin.
    pub const EPOCH_2025: Timestamp = Timestamp(1_735_689_600_000);

    /// From milliseconds since the epoch, held within the years 1970 to 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, MAX_MILLIS))
    }

    /// From seconds since the epoch, held within the years 1970 to 9999.
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long ago `earlier` was; zero if it lies in the future, as another host's clock may have it.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, dropping what is finer than a millisecond.
    ///
    /// # Errors
    /// [`InvalidTimestamp`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let millis = parsed.unix_timestamp_nanos().div_euclid(1_000_000);
        Ok(Self::from_millis(i64::try_from(millis).map_err(|_| InvalidTimestamp)?))
    }

    /// The day as `YYYY/MM/DD`, in UTC.
    pub fn date_path(self) -> String {
        self.format(DATE_PATH)
    }

    fn format(self, description: &[BorrowedFormatItem<'_>]) -> String {
        let nanos = i128::from(self.0) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
            .to_offset(UtcOffset::UTC)
            .format(description)
            .unwrap_or_default()
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, rhs: Duration) -> Timestamp {
        let millis = i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_add(millis))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, rhs: Duration) -> Timestamp {
        let millis = i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.0.saturating_sub(millis))
    }
}

/// RFC 3339 in UTC with exactly three digits of the second, so that texts sort as times do.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format(MILLIS))
    }
}

/// Tells the time of one host.
pub trait Clock: Send + Sync {
    /// The time now. Hosts may differ by the skew that the configuration allows for.
    fn now(&self) -> Timestamp;
}

/// A clock shared by the parts of one process.
pub type SharedClock = Arc<dyn Clock>;

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(MAX_MILLIS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_written_with_milliseconds_and_read_back() {
        let at = Timestamp::from_millis(1_763_692_276_120);
        assert_eq!(at.to_string(), "2025-11-21T02:31:16.120Z");
        assert_eq!(Timestamp::parse("2025-11-21T02:31:16.120Z"), Ok(at));
        assert_eq!(Timestamp::parse("2025-11-20T23:31:16.1209-03:00"), Ok(at));
        assert_eq!(at.date_path(), "2025/11/21");
    }

    #[test]
    fn another_hosts_future_is_no_age() {
        let now = Timestamp::from_seconds(10);
        assert_eq!(now.since(Timestamp::from_seconds(12)), Duration::ZERO);
    }
}
