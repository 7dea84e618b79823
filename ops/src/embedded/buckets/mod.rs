//! A small S3 in two regions: objects in memory, conditional puts, listings, two-way replication.

mod chunked;
mod config;
mod error;
mod list;
mod object;
mod replicate;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{Answer, answer};
use super::clock;
use super::links::Links;
use config::{Replication, Setting};
use error::S3Error;
use replicate::{COPIES_MAX, Copy, travel};
use store::{BUCKETS_MAX, Bucket, Entry, Store};

/// The buckets of both regions.
pub(super) struct Buckets {
    regions: [String; 2],
    store: Arc<Store>,
    copies: mpsc::UnboundedSender<Copy>,
    waiting: Arc<AtomicUsize>,
}

/// A call, taken apart.
struct Call<'a> {
    parts: &'a Parts,
    site: usize,
    query: Vec<(String, String)>,
    body: Bytes,
}

/// The bucket and the key of a request, decoded; either may be empty.
pub(super) fn address(parts: &Parts) -> (String, String) {
    let path = parts.uri.path().trim_start_matches('/');
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    // `bucket.localhost:4566/key`: the SDK addresses a host by name this way, and an IP address by path.
    let host = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if let Some(bucket) = name.strip_suffix(".localhost") {
        let bucket = bucket.strip_suffix(".s3").unwrap_or(bucket);
        return (bucket.to_owned(), decode(path));
    }
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (decode(bucket), decode(key))
}

impl Buckets {
    /// Starts empty.
    pub(super) fn start(
        regions: &[String; 2],
        links: Arc<Links>,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Self {
        let store = Arc::new(Store::default());
        let (copies, arriving) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let travelling = travel(arriving, Arc::clone(&store), links, Arc::clone(&waiting));
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = travelling => {}
            }
        });
        Self { regions: regions.clone(), store, copies, waiting }
    }

    /// Carries out one call. Nothing here waits, so a call that has begun is finished.
    pub(super) fn handle(&self, site: usize, parts: &Parts, body: Bytes) -> Answer {
        let (bucket, key) = address(parts);
        let query = parts.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let call = Call { parts, site, query, body };
        let result = match (bucket.is_empty(), key.is_empty()) {
            (true, _) if parts.method == Method::GET => {
                Ok(answer(StatusCode::OK, "application/xml", list::buckets(&self.store, site)))
            }
            (true, _) => Err(S3Error::NOT_IMPLEMENTED),
            (false, true) => self.on_bucket(&bucket, &call),
            (false, false) => self.on_object(&bucket, &key, &call),
        };
        result.unwrap_or_else(|error| self.refuse(error, &bucket, site))
    }

    fn refuse(&self, error: S3Error, bucket: &str, site: usize) -> Answer {
        let mut answer = error.answer();
        let region = self.store.bucket(bucket).map_or(site, |bucket| bucket.site);
        if error == S3Error::ELSEWHERE
            && let Ok(region) = HeaderValue::from_str(&self.regions[region])
        {
            answer.headers_mut().insert("x-amz-bucket-region", region);
        }
        answer
    }

    fn on_bucket(&self, name: &str, call: &Call<'_>) -> Result<Answer, S3Error> {
        if call.parts.method == Method::PUT && Setting::asked(&call.query).is_none() {
            return self.create(name, call.site);
        }
        let bucket = self.find(name, call.site)?;
        let asks = |field: &str| call.query.iter().any(|(name, _)| name == field);
        if let Some(setting) = Setting::asked(&call.query) {
            return configure(&bucket, setting, call);
        }
        match call.parts.method.as_str() {
            "HEAD" => {
                let mut found = answer(StatusCode::OK, "application/xml", Bytes::new());
                if let Ok(region) = HeaderValue::from_str(&self.regions[bucket.site]) {
                    found.headers_mut().insert("x-amz-bucket-region", region);
                }
                Ok(found)
            }
            "GET" if asks("location") => {
                Ok(answer(StatusCode::OK, "application/xml", self.location(bucket.site)))
            }
            "GET" if asks("list-type") => {
                Ok(answer(StatusCode::OK, "application/xml", list::objects(name, &bucket, &call.query)?))
            }
            "DELETE" => self.remove(name, &bucket),
            _ => Err(S3Error::NOT_IMPLEMENTED),
        }
    }

    fn create(&self, name: &str, site: usize) -> Result<Answer, S3Error> {
        let fine =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        if !(3..=63).contains(&name.len()) || !name.bytes().all(fine) {
            return Err(S3Error::INVALID_BUCKET_NAME);
        }
        let mut buckets = self.store.buckets.write();
        if buckets.contains_key(name) {
            return Err(S3Error::BUCKET_OWNED);
        }
        if buckets.len() >= BUCKETS_MAX {
            return Err(S3Error::TOO_MANY_BUCKETS);
        }
        let bucket = Bucket {
            site,
            created: clock::now(),
            entries: Default::default(),
            settings: Default::default(),
            replication: Default::default(),
        };
        buckets.insert(name.to_owned(), Arc::new(bucket));
        let mut made = answer(StatusCode::OK, "application/xml", Bytes::new());
        if let Ok(location) = HeaderValue::from_str(&format!("/{name}")) {
            made.headers_mut().insert(http::header::LOCATION, location);
        }
        Ok(made)
    }

    fn remove(&self, name: &str, bucket: &Bucket) -> Result<Answer, S3Error> {
        if bucket.entries.read().values().any(|entry| entry.object().is_some()) {
            return Err(S3Error::NOT_EMPTY);
        }
        self.store.buckets.write().remove(name);
        Ok(answer(StatusCode::NO_CONTENT, "application/xml", Bytes::new()))
    }

    fn find(&self, name: &str, site: usize) -> Result<Arc<Bucket>, S3Error> {
        let bucket = self.store.bucket(name).ok_or(S3Error::NO_SUCH_BUCKET)?;
        if bucket.site == site { Ok(bucket) } else { Err(S3Error::ELSEWHERE) }
    }

    fn location(&self, site: usize) -> String {
        // The oldest region goes without a name in this answer.
        let name =
            Some(self.regions[site].as_str()).filter(|region| *region != "us-east-1").unwrap_or_default();
        format!(
            "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{name}</LocationConstraint>"
        )
    }

    /// Whether copies can be taken on their way, or too many wait already.
    fn way_is_free(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) < COPIES_MAX
    }

    /// Sends what a client wrote to the paired bucket, where the bucket has one.
    fn replicate(&self, bucket: &Bucket, key: &str, entry: Entry) {
        let rule = bucket.replication.read();
        let Some(rule) = rule.as_ref() else {
            return;
        };
        let travels = match &entry {
            Entry::Object(object) => !object.replica,
            Entry::Marker(_) => rule.delete_markers,
        };
        if let (true, Some(destination)) = (travels, &rule.destination) {
            let copy = Copy { bucket: destination.clone(), key: key.to_owned(), entry, made: Instant::now() };
            self.waiting.fetch_add(1, Ordering::Relaxed);
            // Nobody listens once the embedded AWS stops, and then nothing needs to arrive.
            let _ = self.copies.send(copy);
        }
    }
}

fn configure(bucket: &Bucket, setting: Setting, call: &Call<'_>) -> Result<Answer, S3Error> {
    let method = &call.parts.method;
    match method.as_str() {
        "GET" => {
            let kept = bucket.settings.read().get(&setting).cloned();
            let body = match kept {
                Some(kept) => kept,
                None => Bytes::from_static(setting.absent()?.as_bytes()),
            };
            Ok(answer(StatusCode::OK, setting.content_type(), body))
        }
        "PUT" => {
            let body = if chunked::is_chunked(&call.parts.headers) {
                chunked::decode(&call.body)?.data
            } else {
                call.body.clone()
            };
            let mut settings = bucket.settings.write();
            let versioned = settings
                .get(&Setting::Versioning)
                .is_some_and(|xml| String::from_utf8_lossy(xml).contains("<Status>Enabled</Status>"));
            if setting == Setting::Replication && !versioned {
                return Err(S3Error::NOT_VERSIONED);
            }
            if setting == Setting::Replication {
                *bucket.replication.write() = Some(Replication::parse(&String::from_utf8_lossy(&body)));
            }
            settings.insert(setting, body);
            Ok(answer(setting.taken(method), "application/xml", Bytes::new()))
        }
        "DELETE" => {
            if setting == Setting::Replication {
                *bucket.replication.write() = None;
            }
            bucket.settings.write().remove(&setting);
            Ok(answer(setting.taken(method), "application/xml", Bytes::new()))
        }
        _ => Err(S3Error::NOT_IMPLEMENTED),
    }
}
