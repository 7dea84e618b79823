//! Which region, service and operation a call is for, read from the call itself.

use std::fmt;

use http::request::Parts;
use http::{HeaderMap, Method, Uri};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// A service that the embedded AWS offers, by the name it has in a credential scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// DynamoDB.
    Dynamodb,
    /// S3.
    S3,
    /// SNS.
    Sns,
    /// SQS.
    Sqs,
    /// Systems Manager, of which the Parameter Store.
    Ssm,
    /// STS, of which `GetCallerIdentity`.
    Sts,
}

impl Service {
    /// All of them, in the order of their index.
    pub const ALL: [Self; 6] = [Self::Dynamodb, Self::S3, Self::Sns, Self::Sqs, Self::Ssm, Self::Sts];

    /// The name as in a credential scope.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dynamodb => "dynamodb",
            Self::S3 => "s3",
            Self::Sns => "sns",
            Self::Sqs => "sqs",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }

    pub(super) fn index(self) -> usize {
        match self {
            Self::Dynamodb => 0,
            Self::S3 => 1,
            Self::Sns => 2,
            Self::Sqs => 3,
            Self::Ssm => 4,
            Self::Sts => 5,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a call cannot be routed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ScopeError {
    #[error(
        "the call carries no signature: sign it (any credentials do), as the region and the service are read \
         from the Authorization header"
    )]
    Unsigned,
    #[error("the credential scope cannot be read; expected <key>/<date>/<region>/<service>/aws4_request")]
    Malformed,
    #[error("the service {0} is not part of the embedded AWS (dynamodb, s3, sns, sqs, ssm, sts)")]
    UnknownService(String),
    #[error("the call is signed for {0}, which is not one of the two regions here: {1} and {2}")]
    UnknownRegion(String, String, String),
}

/// Reads the index of the region and the service from the signature, in the header or in a presigned URL.
pub(super) fn scope_of(parts: &Parts, regions: &[String; 2]) -> Result<(usize, Service), ScopeError> {
    match credential(&parts.headers) {
        Some(scope) => read_scope(scope?, regions),
        None => {
            let scope = presigned(&parts.uri).ok_or(ScopeError::Unsigned)?;
            read_scope(&scope, regions)
        }
    }
}

fn credential(headers: &HeaderMap) -> Option<Result<&str, ScopeError>> {
    let header = headers.get(http::header::AUTHORIZATION)?;
    let scope = header.to_str().ok().and_then(|text| {
        let (_, rest) = text.split_once("Credential=")?;
        rest.split([',', ' ']).next()
    });
    Some(scope.ok_or(ScopeError::Malformed))
}

fn presigned(uri: &Uri) -> Option<String> {
    let value = uri.query()?.split('&').find_map(|pair| pair.strip_prefix("X-Amz-Credential="))?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

fn read_scope(scope: &str, regions: &[String; 2]) -> Result<(usize, Service), ScopeError> {
    // The access key may hold slashes in theory: count from the end.
    let mut fields = scope.rsplit('/');
    let (Some("aws4_request"), Some(service), Some(region)) = (fields.next(), fields.next(), fields.next())
    else {
        return Err(ScopeError::Malformed);
    };
    let service = Service::named(service).ok_or_else(|| ScopeError::UnknownService(service.to_owned()))?;
    let site = match regions.iter().position(|known| known == region) {
        Some(site) => site,
        // STS is asked at its global endpoint by older tools, whatever their region.
        None if service == Service::Sts => 0,
        None => {
            let [first, second] = regions.clone();
            return Err(ScopeError::UnknownRegion(region.to_owned(), first, second));
        }
    };
    Ok((site, service))
}

/// The operation of a JSON call: what follows the last dot of `X-Amz-Target`.
pub(super) fn json_operation(headers: &HeaderMap) -> Option<&str> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    target.rsplit('.').next()
}

/// The operation of a form call: the value of `Action`.
pub(super) fn form_operation(body: &[u8]) -> Option<String> {
    form_urlencoded::parse(body).find(|(name, _)| name == "Action").map(|(_, value)| value.into_owned())
}

/// The operation of an S3 call, by its method, path and query, under the name the AWS documentation has for it.
pub(super) fn object_operation(method: &Method, has_key: bool, uri: &Uri) -> &'static str {
    let query = uri.query().unwrap_or_default();
    let asks =
        |name: &str| query.split('&').any(|pair| pair.split('=').next().is_some_and(|field| field == name));
    match (method.as_str(), has_key) {
        ("PUT", true) => "PutObject",
        ("GET", true) => "GetObject",
        ("HEAD", true) => "HeadObject",
        ("DELETE", true) => "DeleteObject",
        ("HEAD", false) => "HeadBucket",
        ("GET", false) if asks("list-type") => "ListObjectsV2",
        ("PUT", false) if query.is_empty() || asks("x-id") => "CreateBucket",
        ("PUT", false) if asks("versioning") => "PutBucketVersioning",
        ("PUT", false) if asks("replication") => "PutBucketReplication",
        ("GET", false) if asks("versioning") => "GetBucketVersioning",
        ("GET", false) if asks("replication") => "GetBucketReplication",
        ("GET", false) => "GetBucket",
        ("PUT", false) => "PutBucket",
        ("DELETE", false) => "DeleteBucket",
        _ => "Other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions() -> [String; 2] {
        ["sa-east-1".to_owned(), "us-east-1".to_owned()]
    }

    #[test]
    fn the_region_and_the_service_are_read_from_the_scope() {
        let read = read_scope("AKID/20261121/us-east-1/sqs/aws4_request", &regions());
        assert_eq!(read, Ok((1, Service::Sqs)));
    }

    #[test]
    fn a_call_for_a_third_region_is_refused_with_the_names_of_the_two() {
        let error = read_scope("AKID/20261121/eu-west-1/sqs/aws4_request", &regions()).unwrap_err();
        assert!(error.to_string().contains("sa-east-1 and us-east-1"), "{error}");
    }

    #[test]
    fn a_scope_cut_short_is_malformed() {
        assert_eq!(read_scope("AKID/20261121", &regions()), Err(ScopeError::Malformed));
    }

    #[test]
    fn a_presigned_url_carries_its_scope_in_the_query() {
        let uri: Uri =
            "/bucket/key?X-Amz-Credential=AKID%2F20261121%2Fsa-east-1%2Fs3%2Faws4_request&X-Amz-Date=x"
                .parse()
                .unwrap();
        assert_eq!(presigned(&uri).as_deref(), Some("AKID/20261121/sa-east-1/s3/aws4_request"));
    }
}
