//! The two sites.

use crate::region::Side;

/// One of the two sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// The one whose region comes first by name: `sa-east-1`.
    First,
    /// The other: `us-east-1`.
    Second,
}

impl Site {
    /// Both.
    pub const BOTH: [Site; 2] = [Site::First, Site::Second];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Site::First => Site::Second,
            Site::Second => Site::First,
        }
    }

    /// The name of its region.
    pub fn name(self) -> &'static str {
        match self {
            Site::First => "sa-east-1",
            Site::Second => "us-east-1",
        }
    }

    pub(super) fn index(self) -> usize {
        match self {
            Site::First => 0,
            Site::Second => 1,
        }
    }

    /// The site on a side, seen from this one.
    pub fn on(self, side: Side) -> Self {
        match side {
            Side::Local => self,
            Side::Peer => self.other(),
        }
    }
}
