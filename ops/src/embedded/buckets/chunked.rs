//! Bodies in `aws-chunked` encoding: sizes, signatures and trailing checksums around the data.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::S3Error;

/// Chunks of one body; the SDK's are 64 KiB at the smallest, so this is far above what an object needs.
const CHUNKS_MAX: usize = 100_000;

/// A body taken out of its encoding.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub data: Bytes,
    /// Headers that came after the data, such as its checksum.
    pub trailers: Vec<(String, String)>,
}

/// Whether the body is encoded this way.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    let named = |name: &str, wanted: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(wanted))
    };
    named("content-encoding", "aws-chunked") || named("x-amz-content-sha256", "STREAMING-")
}

/// Takes the data out: `<hex size>[;extension]\r\n<data>\r\n` until size 0, then trailing headers.
pub(super) fn decode(body: &Bytes) -> Result<Decoded, S3Error> {
    let mut rest = body.clone();
    let mut data = BytesMut::with_capacity(body.len());
    for _ in 0..CHUNKS_MAX {
        let line = take_line(&mut rest).ok_or(S3Error::INCOMPLETE_BODY)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| S3Error::INCOMPLETE_BODY)?;
        if size == 0 {
            let trailers = trailers(&mut rest);
            return Ok(Decoded { data: data.freeze(), trailers });
        }
        if rest.len() < size {
            return Err(S3Error::INCOMPLETE_BODY);
        }
        data.extend_from_slice(&rest.split_to(size));
        match take_line(&mut rest) {
            Some(line) if line.is_empty() => {}
            Some(_) | None => return Err(S3Error::INCOMPLETE_BODY),
        }
    }
    Err(S3Error::INCOMPLETE_BODY)
}

fn trailers(rest: &mut Bytes) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some(line) = take_line(rest) {
        if let Some((name, value)) = line.split_once(':') {
            found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    found
}

fn take_line(rest: &mut Bytes) -> Option<String> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    let line = rest.split_to(end);
    let _line_end = rest.split_to(2);
    String::from_utf8(line.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_and_the_trailing_checksum_are_taken_out() {
        let body = Bytes::from_static(
            b"5\r\nhello\r\n6;chunk-signature=00\r\n world\r\n0\r\nx-amz-checksum-crc32:abc=\r\n\r\n",
        );
        let decoded = decode(&body).unwrap();
        assert_eq!(decoded.data, "hello world");
        assert_eq!(decoded.trailers, [("x-amz-checksum-crc32".to_owned(), "abc=".to_owned())]);
    }

    #[test]
    fn a_body_cut_short_is_refused() {
        for cut in [&b"5\r\nhel"[..], b"5\r\nhello", b"zz\r\n", b""] {
            assert!(decode(&Bytes::copy_from_slice(cut)).is_err(), "{cut:?}");
        }
    }
}
