use super::Finding;

/// A seat costs one descriptor, an allocation of the relay another.
const ENOUGH: u64 = 4096;

/// How many connections the system allows.
pub(super) fn descriptors() -> Finding {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match soft_limit(&limits) {
        Some(limit) if limit < ENOUGH => Finding::warning(
            "descriptors",
            format!(
                "This process may open {limit} files and connections, and each seat and each relayed connection takes one."
            ),
            "raise it: LimitNOFILE=65536 for systemd, ulimit -n 65536 in a shell",
        ),
        Some(_) => Finding::fine("descriptors", "The limit of open files and connections is high enough."),
        None => Finding::unknown(
            "descriptors",
            "The limit of open files and connections is not known here.",
            "look at it with ulimit -n",
        ),
    }
}

/// The first number of the line about open files.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::soft_limit;

    #[test]
    fn the_soft_limit_counts() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(soft_limit("Max open files  unlimited unlimited files"), Some(u64::MAX));
        assert_eq!(soft_limit(""), None);
    }
}
