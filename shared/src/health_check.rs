//! The container's health check: the binary itself asks, because a distroless image has no other client.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest wait for each step of a health check.
pub const HEALTH_CHECK_LIMIT: Duration = Duration::from_secs(2);

/// How a good answer begins; no more of it is read.
const ALIVE: &[u8] = b"HTTP/1.1 200 ";

/// Asks `GET /liveness` and says whether the answer was 200. It waits with the thread it is called on.
///
/// # Errors
/// When there was no answer within [`HEALTH_CHECK_LIMIT`].
pub fn is_alive(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTH_CHECK_LIMIT)?;
    stream.set_read_timeout(Some(HEALTH_CHECK_LIMIT))?;
    stream.set_write_timeout(Some(HEALTH_CHECK_LIMIT))?;
    let request = format!("GET /liveness HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::with_capacity(ALIVE.len());
    stream.take(ALIVE.len() as u64).read_to_end(&mut answer)?;
    Ok(answer == ALIVE)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn server_that_answers(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    #[test]
    fn only_an_answer_of_200_counts_as_alive() {
        assert!(is_alive(server_that_answers("HTTP/1.1 200 OK\r\n\r\n{}")).unwrap());
        assert!(!is_alive(server_that_answers("HTTP/1.1 503 Service Unavailable\r\n\r\n")).unwrap());
        assert!(!is_alive(server_that_answers("")).unwrap());
    }

    #[test]
    fn nobody_listening_is_an_error() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(is_alive(address).is_err());
    }
}
