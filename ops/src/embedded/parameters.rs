//! SSM Parameter Store of one region.

use std::sync::Arc;

use bytes::Bytes;
use rustack_ssm_core::config::SsmConfig;
use rustack_ssm_core::handler::RustackSsmHandler;
use rustack_ssm_core::provider::RustackSsm;
use rustack_ssm_http::body::SsmResponseBody;
use rustack_ssm_http::dispatch::SsmHandler;
use rustack_ssm_http::response::error_to_response;
use rustack_ssm_model::error::SsmError;
use rustack_ssm_model::operations::SsmOperation;

use super::ACCOUNT;
use super::answer::{Answer, request_id};

/// The parameters of one region.
pub(super) struct Parameters {
    handler: RustackSsmHandler,
}

impl Parameters {
    pub(super) fn new(region: &str) -> Self {
        let provider = RustackSsm::new(SsmConfig {
            skip_signature_validation: true,
            default_region: region.to_owned(),
            default_account_id: ACCOUNT.to_owned(),
        });
        Self { handler: RustackSsmHandler::new(Arc::new(provider)) }
    }

    pub(super) async fn handle(&self, operation: &str, body: Bytes) -> Answer {
        let result = match SsmOperation::from_name(operation) {
            Some(operation) => self.handler.handle_operation(operation, body).await,
            None => Err(SsmError::not_implemented(operation)),
        };
        let response = result.unwrap_or_else(|error| error_to_response(&error, &request_id()));
        response.map(|body| match body {
            SsmResponseBody::Buffered(body) => body,
            SsmResponseBody::Empty => Default::default(),
        })
    }
}
