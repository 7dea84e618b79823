//! SQS of one region.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::body::SqsResponseBody;
use rustack_sqs_http::dispatch::SqsHandler;
use rustack_sqs_http::response::error_to_response;
use rustack_sqs_model::error::{SqsError, SqsErrorCode};
use rustack_sqs_model::input::SendMessageInput;
use rustack_sqs_model::operations::SqsOperation;

use super::ACCOUNT;
use super::answer::{Answer, request_id};

/// The queues of one region.
pub(super) struct Queues {
    provider: Arc<RustackSqs>,
    handler: RustackSqsHandler,
}

impl Queues {
    pub(super) fn new(region: &str, address: SocketAddr) -> Self {
        let provider = Arc::new(RustackSqs::new(SqsConfig {
            skip_signature_validation: true,
            default_region: region.to_owned(),
            account_id: ACCOUNT.to_owned(),
            host: address.ip().to_string(),
            port: address.port(),
        }));
        Self { handler: RustackSqsHandler::new(Arc::clone(&provider)), provider }
    }

    pub(super) async fn handle(&self, operation: &str, body: Bytes) -> Answer {
        let result = match SqsOperation::from_name(operation) {
            Some(operation) => self.handler.handle_operation(operation, body).await,
            None => Err(SqsError::unknown_operation(operation)),
        };
        let response = result.unwrap_or_else(|error| refused(&error));
        response.map(|body| match body {
            SqsResponseBody::Buffered(body) => body,
            SqsResponseBody::Empty => Default::default(),
        })
    }

    /// Puts a message into the queue with this ARN, as a topic does.
    pub(super) async fn deliver(&self, queue_arn: &str, body: &str) -> Result<(), SqsError> {
        let queue_url = self.provider.queue_url_for_arn(queue_arn)?;
        let message = SendMessageInput { queue_url, message_body: body.to_owned(), ..Default::default() };
        self.provider.send_message(message).await.map(|_| ())
    }

    /// Ends the queues and what waits on them.
    pub(super) async fn shut_down(&self) {
        self.provider.shutdown_all().await;
    }
}

/// The engine's answer to an error, with the one code it does not word as AWS does put right.
fn refused(error: &SqsError) -> http::Response<SqsResponseBody> {
    let mut response = error_to_response(error, &request_id());
    if error.code == SqsErrorCode::MessageNotInflight {
        let code = HeaderValue::from_static("AWS.SimpleQueueService.MessageNotInflight;Sender");
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}
