use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A cable between a client and a server that can be cut, or squeezed so that nothing gets through.
pub struct Link {
    address: SocketAddr,
    state: watch::Sender<State>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// Grows by one at each cut; a connection lives as long as the number it was born with.
    cuts: u64,
    held: bool,
}

impl Link {
    /// Listens on a free port, and carries every connection to `target`.
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let (state, watched) = watch::channel(State { cuts: 0, held: false });
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target, watched.clone()));
            }
        });
        Self { address, state, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients open their sockets.
    pub fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    /// Breaks every connection there is. New ones get through.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Lets nothing through any more, and breaks nothing: both ends think the other is there.
    pub fn hold(&self) {
        self.state.send_modify(|state| state.held = true);
    }

    /// Lets everything through again, what was held back included.
    pub fn release(&self) {
        self.state.send_modify(|state| state.held = false);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn carry(near: TcpStream, target: SocketAddr, mut state: watch::Receiver<State>) {
    let born = state.borrow().cuts;
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    // A frame is to arrive when it is sent, as it would without us.
    if near.set_nodelay(true).and(far.set_nodelay(true)).is_err() {
        return;
    }
    let (near_reads, near_writes) = near.into_split();
    let (far_reads, far_writes) = far.into_split();
    let up = pump(near_reads, far_writes, state.clone());
    let down = pump(far_reads, near_writes, state.clone());
    tokio::select! {
        _ = async { tokio::join!(up, down) } => {}
        _ = state.wait_for(|state| state.cuts != born) => {}
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut state: watch::Receiver<State>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if state.wait_for(|state| !state.held).await.is_err() {
            return;
        }
        let Ok(size @ 1..) = from.read(&mut buffer).await else {
            to.shutdown().await.ok();
            return;
        };
        if state.wait_for(|state| !state.held).await.is_err() || to.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
}
