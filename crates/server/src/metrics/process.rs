use super::Page;
use std::fs;
use std::time::Duration;

/// `USER_HZ`, which is 100 on every Linux that a program sees.
const TICKS_A_SECOND: f64 = 100.0;

/// What the system says of this process, where it says it under `/proc` (Linux). The names are Prometheus' own.
pub(super) fn write(page: &mut Page, started: Duration) {
    page.gauge(
        "process_start_time_seconds",
        "When this process started, in seconds since 1970.",
    )
    .value(started.as_secs_f64());
    if let Some(bytes) = resident() {
        page.gauge("process_resident_memory_bytes", "Memory that this process holds.")
            .value(bytes);
    }
    if let Some(seconds) = cpu() {
        page.counter(
            "process_cpu_seconds_total",
            "Processor time of this process, the system's share included.",
        )
        .value(seconds);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // One of them is the reading itself.
        page.gauge("process_open_fds", "File descriptors that are open.")
            .value(entries.count().saturating_sub(1));
    }
    if let Some(most) = most_fds() {
        page.gauge("process_max_fds", "File descriptors that may be open.")
            .value(most);
    }
}

fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn cpu() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name is in parentheses, and may have anything in it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields
        .split_whitespace()
        .skip(11)
        .map_while(|field| field.parse::<u64>().ok());
    let (user, system) = (times.next()?, times.next()?);
    Some((user + system) as f64 / TICKS_A_SECOND)
}

fn most_fds() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_says_all_of_it() {
        assert!(resident().is_some_and(|bytes| bytes > 100_000));
        assert!(cpu().is_some_and(|seconds| (0.0..1e6).contains(&seconds)));
        assert!(most_fds().is_some_and(|most| most > 0));
    }
}
