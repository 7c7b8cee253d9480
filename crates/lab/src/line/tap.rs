use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use tokio::io::unix::AsyncFd;

/// The largest frame: 1500 bytes behind Ethernet's header and a tag.
const FRAME: usize = 1_518;

/// A network interface whose other end is this program; it is gone with it. Nothing is offloaded to it, so that every frame
/// is one that a cable could carry.
#[derive(Debug)]
pub(crate) struct Tap(AsyncFd<File>);

/// `struct ifreq` as `TUNSETIFF` reads it (linux/if.h): the name, and flags in a union of 24 bytes.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    flags: i16,
    rest: [u8; 22],
}

impl Tap {
    /// # Errors
    ///
    /// The system's: no /dev/net/tun, no right to it, or a name that is taken or too long.
    pub(crate) fn open(name: &str) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/net/tun")?;
        let mut request = Request {
            name: [0; libc::IFNAMSIZ],
            flags: (libc::IFF_TAP | libc::IFF_NO_PI) as i16,
            rest: [0; 22],
        };
        if name.len() >= request.name.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        // SAFETY: the descriptor is open, and the request is as long as the kernel reads and writes.
        #[allow(unsafe_code)]
        let done = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
        if done < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a file keeps the one descriptor that it has until it is dropped.
        #[allow(unsafe_code)]
        let registered = unsafe { AsyncFd::register(file) };
        Ok(Self(registered?))
    }

    /// What the system sends by this interface. Nothing is lost when it is not waited for to the end.
    pub(crate) async fn receive(&self) -> io::Result<Vec<u8>> {
        let mut frame = vec![0; FRAME];
        loop {
            let mut ready = self.0.readable().await?;
            if let Ok(read) = ready.try_io(|file| file.get_ref().read(&mut frame)) {
                frame.truncate(read?);
                return Ok(frame);
            }
        }
    }

    /// What the system receives by it; an interface that is down receives nothing.
    pub(crate) fn send(&self, frame: &[u8]) {
        // A frame that cannot be taken is lost, as any may be.
        self.0.get_ref().write_all(frame).ok();
    }
}
