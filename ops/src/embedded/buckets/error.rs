//! What S3 refuses, with the codes by which the SDK tells one from another.

use http::StatusCode;

use crate::embedded::answer::{Answer, Failure};
use crate::embedded::scope::Service;

/// A call that S3 refuses, with the code by which the SDK tells what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct S3Error {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: &'static str,
}

impl S3Error {
    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message }
    }

    pub(super) const NO_SUCH_BUCKET: Self =
        Self::new(StatusCode::NOT_FOUND, "NoSuchBucket", "The specified bucket does not exist");
    pub(super) const NO_SUCH_KEY: Self =
        Self::new(StatusCode::NOT_FOUND, "NoSuchKey", "The specified key does not exist.");
    pub(super) const ELSEWHERE: Self =
        Self::new(StatusCode::MOVED_PERMANENTLY, "PermanentRedirect", "The bucket is in the other region");
    pub(super) const BUCKET_OWNED: Self = Self::new(
        StatusCode::CONFLICT,
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
    );
    pub(super) const NOT_EMPTY: Self =
        Self::new(StatusCode::CONFLICT, "BucketNotEmpty", "The bucket you tried to delete is not empty");
    pub(super) const TOO_MANY_BUCKETS: Self =
        Self::new(StatusCode::BAD_REQUEST, "TooManyBuckets", "At most 100 buckets can be made here");
    pub(super) const INVALID_BUCKET_NAME: Self =
        Self::new(StatusCode::BAD_REQUEST, "InvalidBucketName", "The specified bucket is not valid.");
    pub(super) const NOT_VERSIONED: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "InvalidRequest",
        "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
    );
    pub(super) const INCOMPLETE_BODY: Self =
        Self::new(StatusCode::BAD_REQUEST, "IncompleteBody", "The aws-chunked body cannot be read");
    pub(super) const INVALID_ARGUMENT: Self =
        Self::new(StatusCode::BAD_REQUEST, "InvalidArgument", "A parameter of the listing is not valid");
    pub(super) const PRECONDITION_FAILED: Self = Self::new(
        StatusCode::PRECONDITION_FAILED,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    );
    pub(super) const TOO_LARGE: Self =
        Self::new(StatusCode::BAD_REQUEST, "EntityTooLarge", "Objects here are at most 8 MiB");
    pub(super) const STORE_FULL: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "SlowDown",
        "The buckets here hold at most 2 GiB together",
    );
    pub(super) const BAD_DIGEST: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "BadDigest",
        "The checksum you specified did not match what we received",
    );
    pub(super) const NOT_IMPLEMENTED: Self = Self::new(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        "This operation is not part of the embedded S3",
    );

    pub(super) fn answer(self) -> Answer {
        Failure { status: self.status, code: self.code, message: self.message }.answer(Service::S3)
    }
}
