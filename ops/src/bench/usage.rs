//! What a process has used, as the kernel tells it under `/proc`.

use anyhow::Context as _;

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, which is 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;
/// Kilobytes in a megabyte.
const KB_PER_MB: f64 = 1024.0;

/// Time and memory of one process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    pub cpu_seconds: f64,
    pub peak_rss_mb: f64,
    pub rss_mb: f64,
}

/// Reads it while the process runs.
pub(super) fn usage(process: u32) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("{path}: the benchmark needs Linux"))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    // The name, in parentheses, may hold anything; the state follows it, user and system time are the 12th and 13th.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    let megabytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / KB_PER_MB
    };
    Ok(Usage {
        cpu_seconds: ticks.sum::<f64>() / TICKS_PER_SECOND,
        peak_rss_mb: megabytes("VmHWM:"),
        rss_mb: megabytes("VmRSS:"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.peak_rss_mb >= usage.rss_mb && usage.rss_mb > 1.0);
    }
}
