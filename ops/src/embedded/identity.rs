//! STS, as far as tools probe it: who am I.

use http::StatusCode;

use super::ACCOUNT;
use super::answer::{Answer, Failure, answer, request_id};
use super::scope::Service;

/// Everybody is the root of the one account.
pub(super) fn handle(operation: &str) -> Answer {
    if operation != "GetCallerIdentity" {
        let message = format!("{operation} is not part of the embedded STS, GetCallerIdentity is");
        let failure = Failure { status: StatusCode::BAD_REQUEST, code: "InvalidAction", message: &message };
        return failure.answer(Service::Sts);
    }
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>{ACCOUNT}</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>",
        request_id(),
    );
    answer(StatusCode::OK, "text/xml", body)
}
