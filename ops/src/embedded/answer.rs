//! Answers, and each service's own shape of an error.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use super::scope::Service;

/// What every call is answered with: a whole body in memory.
pub(super) type Answer = Response<Full<Bytes>>;

/// A request id, unique in this process.
pub(super) fn request_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{:016x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An error as a service would word it.
pub(super) struct Failure<'a> {
    pub status: StatusCode,
    pub code: &'a str,
    pub message: &'a str,
}

impl Failure<'_> {
    /// Dresses the error in the protocol of the service.
    pub(super) fn answer(&self, service: Service) -> Answer {
        match service {
            Service::Dynamodb => self.json("application/x-amz-json-1.0", "com.amazonaws.dynamodb.v20120810#"),
            Service::Sqs => self.json("application/x-amz-json-1.0", "com.amazonaws.sqs#"),
            Service::Ssm => self.json("application/x-amz-json-1.1", ""),
            Service::Sns | Service::Sts => self.query_xml(),
            Service::S3 => self.rest_xml(),
        }
    }

    fn json(&self, content_type: &'static str, namespace: &str) -> Answer {
        let body = serde_json::json!({
            "__type": format!("{namespace}{}", self.code),
            "message": self.message,
        });
        let mut answer = answer(self.status, content_type, body.to_string());
        let fault = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        if let Ok(value) = HeaderValue::from_str(&format!("{};{fault}", self.code)) {
            answer.headers_mut().insert("x-amzn-query-error", value);
        }
        answer
    }

    fn query_xml(&self) -> Answer {
        let fault = if self.status.is_server_error() { "Receiver" } else { "Sender" };
        let body = format!(
            "<ErrorResponse><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
             <RequestId>{}</RequestId></ErrorResponse>",
            escape(self.code),
            escape(self.message),
            request_id(),
        );
        answer(self.status, "text/xml", body)
    }

    fn rest_xml(&self) -> Answer {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
             <RequestId>{}</RequestId><HostId>embedded</HostId></Error>",
            escape(self.code),
            escape(self.message),
            request_id(),
        );
        answer(self.status, "application/xml", body)
    }
}

/// A whole answer with a request id.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    answer
}

/// Text inside an XML element.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}
