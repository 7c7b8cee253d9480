use snug_session::Instant;
#[cfg(not(target_os = "linux"))]
use std::time::SystemTime;
use std::time::{Duration, Instant as Awake};

/// A clock that goes on while the machine sleeps.
pub(crate) struct Clock {
    awake: Awake,
    #[cfg(target_os = "linux")]
    boot: Duration,
    #[cfg(not(target_os = "linux"))]
    wall: SystemTime,
    /// All the sleep noticed so far.
    slept: Duration,
}

/// A shorter difference between the clocks is their drift, and no sleep.
const NAP: Duration = Duration::from_secs(2);

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            awake: Awake::now(),
            #[cfg(target_os = "linux")]
            boot: boot_time(),
            #[cfg(not(target_os = "linux"))]
            wall: SystemTime::now(),
            slept: Duration::ZERO,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        let awake = self.awake.elapsed();
        Instant::from_millis(u64::try_from((awake + self.slept).as_millis()).unwrap_or(u64::MAX))
    }

    /// Whether the machine slept since the last question. Ask before [`Clock::now`].
    pub(crate) fn woke(&mut self) -> bool {
        let slept = self.all().saturating_sub(self.awake.elapsed());
        let woke = slept > self.slept + NAP;
        if woke {
            self.slept = slept;
        }
        woke
    }

    /// Time since the start, sleep included.
    #[cfg(target_os = "linux")]
    fn all(&self) -> Duration {
        boot_time().saturating_sub(self.boot)
    }

    /// The wall clock is the only one that every system keeps through sleep. When somebody sets it forward, that looks
    /// like sleep too, and costs one needless ping.
    #[cfg(not(target_os = "linux"))]
    fn all(&self) -> Duration {
        self.wall.elapsed().unwrap_or_default()
    }
}

#[cfg(target_os = "linux")]
fn boot_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
