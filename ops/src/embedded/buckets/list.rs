//! Listings, in the XML of S3.

use std::fmt::Write;
use std::ops::Bound;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::S3Error;
use super::store::{Bucket, Entry, Object, Store};
use crate::embedded::answer::escape;
use crate::embedded::clock::xml_date;

/// Keys in one page, as on AWS.
const PAGE_MAX: usize = 1000;

/// Left as they are by `encoding-type=url`.
const URL_KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

struct Asked<'a> {
    prefix: &'a str,
    delimiter: &'a str,
    max_keys: usize,
    after: Option<String>,
    token: Option<&'a str>,
    url_encoded: bool,
}

#[derive(Default)]
struct Found {
    contents: String,
    prefixes: Vec<String>,
    count: usize,
    /// Where the next page begins, when there is one.
    resume: Option<String>,
}

/// `ListObjectsV2`.
pub(super) fn objects(name: &str, bucket: &Bucket, query: &[(String, String)]) -> Result<String, S3Error> {
    let asked = Asked::read(query)?;
    let found = asked.collect(bucket);
    let shown = |text: &str| asked.shown(text);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let truncated = found.resume.is_some();
    let _ = write!(
        xml,
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{name}</Name><Prefix>{}</Prefix>\
         <KeyCount>{}</KeyCount><MaxKeys>{}</MaxKeys><IsTruncated>{truncated}</IsTruncated>{}",
        shown(asked.prefix),
        found.count,
        asked.max_keys,
        found.contents,
    );
    if !asked.delimiter.is_empty() {
        let _ = write!(xml, "<Delimiter>{}</Delimiter>", shown(asked.delimiter));
    }
    for prefix in &found.prefixes {
        let _ = write!(xml, "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", shown(prefix));
    }
    if let Some(token) = asked.token {
        let _ = write!(xml, "<ContinuationToken>{}</ContinuationToken>", escape(token));
    }
    if let Some(resume) = &found.resume {
        let token = URL_SAFE_NO_PAD.encode(resume);
        let _ = write!(xml, "<NextContinuationToken>{token}</NextContinuationToken>");
    }
    if asked.url_encoded {
        xml.push_str("<EncodingType>url</EncodingType>");
    }
    xml.push_str("</ListBucketResult>");
    Ok(xml)
}

/// `ListBuckets`: those of one region.
pub(super) fn buckets(store: &Store, site: usize) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListAllMyBucketsResult \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>embedded</ID></Owner><Buckets>",
    );
    for (name, bucket) in store.buckets.read().iter().filter(|(_, bucket)| bucket.site == site) {
        let created = xml_date(bucket.created);
        let _ = write!(xml, "<Bucket><Name>{name}</Name><CreationDate>{created}</CreationDate></Bucket>");
    }
    xml.push_str("</Buckets></ListAllMyBucketsResult>");
    xml
}

impl<'a> Asked<'a> {
    fn read(query: &'a [(String, String)]) -> Result<Self, S3Error> {
        let value = |name: &str| {
            query
                .iter()
                .find(|(field, _)| field == name)
                .map(|(_, value)| value.as_str())
                .filter(|v| !v.is_empty())
        };
        let max_keys = match value("max-keys") {
            None => PAGE_MAX,
            Some(number) => number.parse::<usize>().map_err(|_| S3Error::INVALID_ARGUMENT)?.min(PAGE_MAX),
        };
        let token = value("continuation-token");
        let resumed = token
            .map(|token| {
                let decoded =
                    URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                decoded.ok_or(S3Error::INVALID_ARGUMENT)
            })
            .transpose()?;
        Ok(Self {
            prefix: value("prefix").unwrap_or_default(),
            delimiter: value("delimiter").unwrap_or_default(),
            max_keys,
            after: resumed.or_else(|| value("start-after").map(str::to_owned)),
            token,
            url_encoded: value("encoding-type") == Some("url"),
        })
    }

    fn shown(&self, text: &str) -> String {
        if self.url_encoded { utf8_percent_encode(text, URL_KEY).to_string() } else { escape(text) }
    }

    fn collect(&self, bucket: &Bucket) -> Found {
        let mut found = Found::default();
        let from = match &self.after {
            Some(after) if after.as_str() > self.prefix => Bound::Excluded(after.clone()),
            _ => Bound::Included(self.prefix.to_owned()),
        };
        let entries = bucket.entries.read();
        let live = entries
            .range((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(self.prefix))
            .filter_map(|(key, entry)| Some((key, Entry::object(entry)?)));
        let mut last = None;
        for (key, object) in live {
            if let Some(common) = self.common_prefix(key) {
                // A resumed listing has told of the prefix that its mark lies in.
                let told = found.prefixes.last().is_some_and(|prefix| prefix == common)
                    || self.after.as_ref().is_some_and(|after| after.starts_with(common));
                if told {
                    last = Some(key.clone());
                    continue;
                }
                if found.count >= self.max_keys {
                    found.resume = last;
                    break;
                }
                found.prefixes.push(common.to_owned());
            } else {
                if found.count >= self.max_keys {
                    found.resume = last;
                    break;
                }
                self.write(key, object, &mut found.contents);
            }
            found.count += 1;
            last = Some(key.clone());
        }
        found
    }

    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let rest = key.get(self.prefix.len()..)?;
        let end = rest.find(self.delimiter)?;
        key.get(..self.prefix.len() + end + self.delimiter.len())
    }

    fn write(&self, key: &str, object: &Object, xml: &mut String) {
        let _ = write!(
            xml,
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>",
            self.shown(key),
            xml_date(object.modified),
            escape(&object.etag),
            object.data.len(),
        );
    }
}
