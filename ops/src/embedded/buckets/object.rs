//! Calls on one object.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use md5::{Digest, Md5};

use super::config::Setting;
use super::store::{Entry, OBJECT_MAX, Object, PutRefused};
use super::{Buckets, Call, S3Error, chunked};
use crate::embedded::answer::{Answer, answer};
use crate::embedded::clock;

/// Headers kept with an object beside `x-amz-meta-*` and checksums.
const KEPT: [&str; 5] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-language",
    "x-amz-server-side-encryption",
];

/// What the headers of one object hold at most, in bytes; AWS allows 2 KB of user metadata.
const HEADERS_MAX: usize = 8 * 1024;

impl Buckets {
    pub(super) fn on_object(&self, bucket_name: &str, key: &str, call: &Call<'_>) -> Result<Answer, S3Error> {
        let bucket = self.find(bucket_name, call.site)?;
        match call.parts.method.as_str() {
            "PUT" if call.parts.headers.contains_key("x-amz-copy-source") => Err(S3Error::NOT_IMPLEMENTED),
            "PUT" if Setting::asked(&call.query).is_some() => Err(S3Error::NOT_IMPLEMENTED),
            "PUT" | "DELETE" if !self.way_is_free() => Err(S3Error::STORE_FULL),
            "PUT" => {
                let object = received(call, self.store.stamp())?;
                let only_new = only_new(&call.parts.headers)?;
                let object =
                    self.store.put(&bucket, key, object, only_new).map_err(|refused| match refused {
                        PutRefused::Exists => S3Error::PRECONDITION_FAILED,
                        PutRefused::StoreFull => S3Error::STORE_FULL,
                    })?;
                self.replicate(&bucket, key, Entry::Object(Arc::clone(&object)));
                let mut stored = answer(StatusCode::OK, "application/xml", Bytes::new());
                set(stored.headers_mut(), "etag", &object.etag);
                for (name, value) in object.headers.iter().filter(|(name, _)| is_checksum(name)) {
                    set(stored.headers_mut(), name, value);
                }
                Ok(stored)
            }
            "GET" | "HEAD" => {
                let object = bucket.entries.read().get(key).and_then(Entry::object).cloned();
                let object = object.ok_or(S3Error::NO_SUCH_KEY)?;
                Ok(shown(&object, call))
            }
            "DELETE" => {
                let stamp = self.store.delete(&bucket, key);
                self.replicate(&bucket, key, Entry::Marker(stamp));
                Ok(answer(StatusCode::NO_CONTENT, "application/xml", Bytes::new()))
            }
            _ => Err(S3Error::NOT_IMPLEMENTED),
        }
    }
}

/// Only `If-None-Match: *` is known to S3's puts.
fn only_new(headers: &HeaderMap) -> Result<bool, S3Error> {
    match headers.get(http::header::IF_NONE_MATCH) {
        None => Ok(false),
        Some(value) if value.as_bytes() == b"*" => Ok(true),
        Some(_) => Err(S3Error::NOT_IMPLEMENTED),
    }
}

fn received(call: &Call<'_>, stamp: u64) -> Result<Object, S3Error> {
    let headers = &call.parts.headers;
    let body = if chunked::is_chunked(headers) {
        chunked::decode(&call.body)?
    } else {
        chunked::Decoded { data: call.body.clone(), trailers: Vec::new() }
    };
    if body.data.len() > OBJECT_MAX {
        return Err(S3Error::TOO_LARGE);
    }
    let kept = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str();
        let keep = KEPT.contains(&name) || name.starts_with("x-amz-meta-") || is_checksum(name);
        keep.then(|| value.to_str().ok().map(|value| (name.to_owned(), value.to_owned()))).flatten()
    });
    let trailing = body.trailers.into_iter().filter(|(name, _)| is_checksum(name));
    let headers: Vec<_> = kept.chain(trailing).collect();
    if headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > HEADERS_MAX {
        return Err(S3Error::TOO_LARGE);
    }
    let claimed =
        headers.iter().find(|(name, _)| name == "x-amz-checksum-crc32").map(|(_, value)| value.as_str());
    if claimed.is_some_and(|claimed| claimed != crc32(&body.data)) {
        return Err(S3Error::BAD_DIGEST);
    }
    let digest = Md5::digest(&body.data);
    let mut etag = String::with_capacity(34);
    etag.push('"');
    for byte in digest {
        etag.push_str(&format!("{byte:02x}"));
    }
    etag.push('"');
    // The body may be a small part of a larger buffer: keep no more than the object.
    let data = Bytes::copy_from_slice(&body.data);
    Ok(Object { data, etag, modified: clock::now(), headers, stamp, replica: false })
}

fn shown(object: &Object, call: &Call<'_>) -> Answer {
    let wanted =
        call.parts.headers.get("x-amz-checksum-mode").is_some_and(|mode| mode.as_bytes() == b"ENABLED");
    let head = call.parts.method == http::Method::HEAD;
    let body = if head { Bytes::new() } else { object.data.clone() };
    let mut found = answer(StatusCode::OK, "application/octet-stream", body);
    let headers = found.headers_mut();
    for (name, value) in &object.headers {
        if wanted || !is_checksum(name) {
            set(headers, name, value);
        }
    }
    set(headers, "etag", &object.etag);
    set(headers, "last-modified", &clock::http_date(object.modified));
    set(headers, "accept-ranges", "bytes");
    headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(object.data.len()));
    if object.replica {
        set(headers, "x-amz-replication-status", "REPLICA");
    }
    found
}

fn crc32(data: &[u8]) -> String {
    STANDARD.encode(crc32fast::hash(data).to_be_bytes())
}

fn is_checksum(name: &str) -> bool {
    name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-mode"
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        headers.insert(name, value);
    }
}
