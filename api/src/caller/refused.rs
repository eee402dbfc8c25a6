//! Why credentials are not believed.

use offload_stores::Error;

/// Why the credentials of a request make it nobody's.
#[derive(Debug)]
pub(crate) enum Refused {
    /// They are not valid, and why not.
    Invalid(&'static str),
    /// They cannot be checked at the moment, because a store fails.
    Store(Error),
    /// The same, for another reason.
    Unavailable(&'static str),
    /// A page of another origin sends them.
    CrossSite,
}
