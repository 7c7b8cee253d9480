//! The floor: what a relay on tokio-tungstenite costs that does nothing else. The path is the room; what one in it sends
//! goes to all others in it, unread. One thread, 4 KiB buffers, TCP_NODELAY, one write for all that is there to be written.

use futures_util::{Sink, Stream};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

type Rooms = Rc<RefCell<HashMap<String, Vec<Rc<Queue>>>>>;

/// What one connection is to write, and how to wake its task.
#[derive(Default)]
struct Queue {
    frames: RefCell<VecDeque<Utf8Bytes>>,
    waker: RefCell<Option<Waker>>,
    unflushed: Cell<bool>,
}

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        let rooms = Rooms::default();
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(serve(rooms.clone(), stream));
        }
    })
}

async fn serve(rooms: Rooms, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        eprintln!("no TCP_NODELAY: {error}");
    }
    let mut room = String::new();
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024);
    #[expect(clippy::result_large_err, reason = "the library's own signature")]
    let note = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        request.uri().path().clone_into(&mut room);
        Ok(response)
    };
    let Ok(socket) = accept_hdr_async_with_config(stream, note, Some(config)).await else {
        return;
    };
    let queue = Rc::new(Queue::default());
    rooms.borrow_mut().entry(room.clone()).or_default().push(queue.clone());
    relay(&rooms, &room, &queue, socket).await;
    let mut rooms = rooms.borrow_mut();
    if let Some(members) = rooms.get_mut(&room) {
        members.retain(|member| !Rc::ptr_eq(member, &queue));
        if members.is_empty() {
            rooms.remove(&room);
        }
    }
}

async fn relay(rooms: &Rooms, room: &str, queue: &Rc<Queue>, mut socket: WebSocketStream<TcpStream>) {
    poll_fn(|cx| {
        if queue
            .waker
            .borrow()
            .as_ref()
            .is_none_or(|waker| !waker.will_wake(cx.waker()))
        {
            *queue.waker.borrow_mut() = Some(cx.waker().clone());
        }
        loop {
            match Pin::new(&mut socket).poll_next(cx) {
                Poll::Ready(Some(Ok(Message::Text(text)))) => {
                    for member in rooms.borrow().get(room).into_iter().flatten() {
                        if !Rc::ptr_eq(member, queue) {
                            member.frames.borrow_mut().push_back(text.clone());
                            if let Some(waker) = &*member.waker.borrow() {
                                waker.wake_by_ref();
                            }
                        }
                    }
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        write(queue, Pin::new(&mut socket), cx)
    })
    .await;
}

fn write(queue: &Queue, mut socket: Pin<&mut WebSocketStream<TcpStream>>, cx: &mut Context<'_>) -> Poll<()> {
    while !queue.frames.borrow().is_empty() {
        match socket.as_mut().poll_ready(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
        let Some(frame) = queue.frames.borrow_mut().pop_front() else {
            break;
        };
        if socket.as_mut().start_send(Message::Text(frame)).is_err() {
            return Poll::Ready(());
        }
        queue.unflushed.set(true);
    }
    if queue.unflushed.get()
        && let Poll::Ready(flushed) = socket.as_mut().poll_flush(cx)
    {
        queue.unflushed.set(false);
        if flushed.is_err() {
            return Poll::Ready(());
        }
    }
    Poll::Pending
}
