//! The one place where the embedded AWS reads the calendar.

use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

/// `Sat, 21 Nov 2026 02:41:43 GMT`, as HTTP wants it.
const HTTP_DATE: &[FormatItem<'static>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// `2026-11-21T02:41:43.000Z`, as the XML answers of S3 want it.
const XML_DATE: &[FormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// For the `Last-Modified` header.
pub(super) fn http_date(at: OffsetDateTime) -> String {
    at.format(HTTP_DATE).unwrap_or_default()
}

/// For `<LastModified>` elements.
pub(super) fn xml_date(at: OffsetDateTime) -> String {
    at.format(XML_DATE).unwrap_or_default()
}
