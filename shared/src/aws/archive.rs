//! The regional bucket in S3.

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::error::port_error;
use crate::ports::{Archive, Archived, PortError, PortErrorKind, PortResult};

/// HTTP status of a write whose `If-None-Match: *` met an object.
const PRECONDITION_FAILED: u16 = 412;
/// HTTP status of a write that met another write of the same key under way: S3 asks to try again.
const CONFLICT: u16 = 409;

pub(super) struct S3Archive {
    client: Client,
    bucket: String,
}

impl S3Archive {
    pub(super) fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    fn put_object(&self, key: &str, body: Bytes) -> PutObjectFluentBuilder {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type("application/json");
        put.body(ByteStream::from(body))
    }
}

#[async_trait]
impl Archive for S3Archive {
    async fn put(&self, key: &str, body: Bytes) -> PortResult<Archived> {
        match self.put_object(key, body).if_none_match("*").send().await {
            Ok(_) => Ok(Archived::Written),
            Err(error) => match error.raw_response().map(|raw| raw.status().as_u16()) {
                Some(PRECONDITION_FAILED) => Ok(Archived::Existed),
                Some(CONFLICT) => {
                    Err(PortError { kind: PortErrorKind::Unavailable, ..port_error("PutObject")(error) })
                }
                Some(_) | None => Err(port_error("PutObject")(error)),
            },
        }
    }

    async fn get(&self, key: &str) -> PortResult<Option<Bytes>> {
        const OPERATION: &str = "GetObject";
        match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => {
                let no_answer = |e: aws_sdk_s3::primitives::ByteStreamError| PortError {
                    operation: OPERATION,
                    kind: PortErrorKind::NoAnswer,
                    detail: e.to_string(),
                };
                Ok(Some(object.body.collect().await.map_err(no_answer)?.into_bytes()))
            }
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => Ok(None),
            Err(error) => Err(port_error(OPERATION)(error)),
        }
    }

    async fn replace(&self, key: &str, body: Bytes) -> PortResult<()> {
        self.put_object(key, body).send().await.map(drop).map_err(port_error("PutObject"))
    }
}
