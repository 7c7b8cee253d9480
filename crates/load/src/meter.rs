//! What a process has spent and holds, as the kernel counts it.
use anyhow::{Context, Result};
use std::fs;

/// The server under load.
pub(crate) struct Meter {
    pid: u32,
}

impl Meter {
    pub(crate) fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// Nanoseconds on a CPU so far, of all its threads, user and system.
    pub(crate) fn cpu(&self) -> Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid)).context("the server is gone")? {
            let stat = fs::read_to_string(thread?.path().join("schedstat"))?;
            let spent = stat.split(' ').next().context("an empty schedstat")?;
            sum += spent.parse::<u64>().context("a schedstat of another kind")?;
        }
        Ok(sum)
    }

    /// Proportional set size, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid))?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        Ok(1024 * kilobytes.context("no Pss here")?.trim().parse::<u64>()?)
    }
}
