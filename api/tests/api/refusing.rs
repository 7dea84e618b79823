use bytes::Bytes;
use http_body_util::StreamBody;
use hyper::body::Frame;
use sales_shared::fake::Site;

use crate::helpers::{Api, GOOD, world};

#[tokio::test]
async fn a_bad_body_is_a_400_that_names_the_field() {
    let world = world();
    let api = Api::start(&world, Site::First).await;
    let long = format!(r#"{{"product":"{}","amount":1}}"#, "x".repeat(201));
    for (body, field) in [
        ("", None),
        ("{", None),
        ("[]", None),
        ("null", None),
        ("{}", Some("product")),
        (r#"{"product":null,"amount":1}"#, Some("product")),
        (r#"{"product":7,"amount":1}"#, Some("product")),
        (r#"{"product":"  ","amount":1}"#, Some("product")),
        (long.as_str(), Some("product")),
        (r#"{"product":"Book"}"#, Some("amount")),
        (r#"{"product":"Book","amount":null}"#, Some("amount")),
        (r#"{"product":"Book","amount":0}"#, Some("amount")),
        (r#"{"product":"Book","amount":-1}"#, Some("amount")),
        (r#"{"product":"Book","amount":1.001}"#, Some("amount")),
        (r#"{"product":"Book","amount":99999999999.99}"#, Some("amount")),
        (r#"{"product":"Book","amount":"dear"}"#, Some("amount")),
        (r#"{"product":"Book","amount":true}"#, Some("amount")),
    ] {
        api.post(body).await.assert_problem(400, field);
    }
    assert!(world.rows(Site::First).is_empty());
}

#[tokio::test]
async fn a_malformed_key_or_two_of_them_is_a_400() {
    let api = Api::start(&world(), Site::First).await;
    let long = "k".repeat(256);
    for key in ["", "\"", "\"open", "a b", "a,b", long.as_str()] {
        api.post_with_key(key, GOOD).await.assert_problem(400, Some("Idempotency-Key"));
    }
    let twice = [("content-type", "application/json"), ("idempotency-key", "a"), ("idempotency-key", "a")];
    api.send("POST", "/sales", &twice, GOOD).await.assert_problem(400, Some("Idempotency-Key"));
}

#[tokio::test]
async fn only_json_is_taken() {
    let api = Api::start(&world(), Site::First).await;
    for headers in
        [&[][..], &[("content-type", "text/plain")], &[("content-type", "application/x-www-form-urlencoded")]]
    {
        api.send("POST", "/sales", headers, GOOD).await.assert_problem(415, None);
    }
    let with_parameter = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(api.send("POST", "/sales", &with_parameter, GOOD).await.status, 201);
}

#[tokio::test]
async fn a_body_above_the_limit_is_a_413_declared_or_not() {
    let api = Api::start(&world(), Site::First).await;
    let fits = format!(r#"{{"product":"Book","amount":1,"note":"{}"}}"#, "x".repeat(16_000));
    assert_eq!(api.post(&fits).await.status, 201);
    let too_large = format!(r#"{{"product":"Book","amount":1,"note":"{}"}}"#, "x".repeat(16_400));
    api.post(&too_large).await.assert_problem(413, None);
    let pieces: Vec<_> = too_large.into_bytes().chunks(1000).map(Bytes::copy_from_slice).collect();
    let frames =
        futures::stream::iter(pieces.into_iter().map(|piece| Ok::<_, std::io::Error>(Frame::data(piece))));
    let chunked = reqwest::Body::wrap(StreamBody::new(frames));
    let answer = api.send("POST", "/sales", &[("content-type", "application/json")], chunked).await;
    answer.assert_problem(413, None);
}

#[tokio::test]
async fn a_wrong_method_is_a_405_that_lists_the_right_ones() {
    let api = Api::start(&world(), Site::First).await;
    for (method, path, allowed) in [
        ("GET", "/sales", "POST"),
        ("PUT", "/sales", "POST"),
        ("PATCH", "/sales/0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10", "GET,HEAD,DELETE"),
        ("POST", "/state", "GET,HEAD"),
        ("DELETE", "/metrics", "GET,HEAD"),
    ] {
        let answer = api.send(method, path, &[], "").await;
        answer.assert_problem(405, None);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[tokio::test]
async fn an_unknown_address_is_a_404() {
    let api = Api::start(&world(), Site::First).await;
    for path in ["/", "/sale", "/sales/a/b", "/sales/", "/admin"] {
        let answer = api.get(path).await;
        answer.assert_problem(404, None);
    }
}
