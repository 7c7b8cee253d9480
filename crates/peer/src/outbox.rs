//! What waits to be written to a socket: bounded, and ordered as it was put in.
//!
//! A page that does not read loses video up to the next key frame and the oldest audio; data-channel messages wait
//! for room instead, which slows the remote down.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::frame::{Frame, FrameKind};
use crate::wire::{PcId, ToWorker, TransceiverId};

/// Bytes of video that may wait before frames are dropped.
const VIDEO_LIMIT: usize = 2 << 20;
/// Audio frames that may wait: two seconds of 20 ms frames for five speakers.
const AUDIO_LIMIT: usize = 500;
/// Bytes of data-channel messages that may wait before a channel is no longer read.
const DATA_LIMIT: usize = 4 << 20;
/// Requests that may wait; the next one repeats what a dropped one said.
const REQUEST_LIMIT: usize = 256;

/// One thing to write.
#[derive(Debug, PartialEq)]
pub enum Item {
    Frame(Frame),
    Text(ToWorker),
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    Queued,
    /// The worker is behind: this frame was dropped, and all of its stream until a key frame.
    Dropped,
}

/// The queue between the engine and the socket's writer.
#[derive(Default)]
pub struct Outbox {
    queue: Mutex<Queue>,
    filled: Notify,
    drained: Notify,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    video_bytes: usize,
    audio_frames: usize,
    data_bytes: usize,
    requests: usize,
    /// Video streams that wait for a key frame.
    starved: HashSet<(PcId, TransceiverId)>,
    closed: bool,
}

impl Outbox {
    /// Queues a media frame, or drops it.
    pub fn put_media(&self, mut frame: Frame) -> Put {
        let mut queue = self.lock();
        if queue.closed {
            return Put::Dropped;
        }
        if matches!(frame.kind, FrameKind::VideoReceived(_)) {
            let stream = (frame.pc, frame.target);
            let waits = queue.starved.contains(&stream) && !frame.key;
            if waits || queue.video_bytes + frame.payload.len() > VIDEO_LIMIT {
                queue.starved.insert(stream);
                return Put::Dropped;
            }
            frame.gap |= queue.starved.remove(&stream);
            queue.video_bytes += frame.payload.len();
        } else {
            if queue.audio_frames >= AUDIO_LIMIT {
                return Put::Dropped;
            }
            queue.audio_frames += 1;
        }
        queue.items.push_back(Item::Frame(frame));
        drop(queue);
        self.filled.notify_one();
        Put::Queued
    }

    /// Queues a data-channel message as soon as there is room; `false` once the socket is gone.
    pub async fn put_data(&self, frame: Frame) -> bool {
        let weight = frame.payload.len();
        self.put_in_order(Item::Frame(frame), weight).await
    }

    async fn put_in_order(&self, item: Item, weight: usize) -> bool {
        loop {
            let drained = self.drained.notified();
            tokio::pin!(drained);
            // Registered before looking, so that a drain in between is not missed.
            drained.as_mut().enable();
            {
                let mut queue = self.lock();
                if queue.closed {
                    return false;
                }
                if queue.data_bytes == 0 || queue.data_bytes + weight <= DATA_LIMIT {
                    queue.data_bytes += weight;
                    queue.items.push_back(item);
                    break;
                }
            }
            drained.await;
        }
        self.filled.notify_one();
        true
    }

    /// Queues what is said of a channel as soon as there is room among its messages: a remote could open and close
    /// channels without end. `false` once the socket is gone.
    pub async fn put_channel(&self, text: ToWorker) -> bool {
        let weight = weight(&text);
        self.put_in_order(Item::Text(text), weight).await
    }

    /// Forgets what a connection has left.
    pub fn forget(&self, pc: PcId) {
        self.lock().starved.retain(|(of, _)| *of != pc);
    }

    /// Queues a text message.
    pub fn put_text(&self, text: ToWorker) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        match &text {
            // One with the sum does for many.
            ToWorker::Flow { channel, pc, amount } => {
                let waiting = queue.items.iter_mut().rev().find_map(|item| match item {
                    Item::Text(ToWorker::Flow {
                        channel: c,
                        pc: p,
                        amount,
                    }) if c == channel && p == pc => Some(amount),
                    Item::Text(_) | Item::Frame(_) => None,
                });
                if let Some(waiting) = waiting {
                    *waiting += *amount;
                    return;
                }
            }
            // They count when they are taken out.
            ToWorker::Channel { .. } | ToWorker::ChannelState { .. } => queue.data_bytes += weight(&text),
            ToWorker::KeyFrame { .. } | ToWorker::Target { .. } => {
                if queue.requests >= REQUEST_LIMIT {
                    return;
                }
                queue.requests += 1;
            }
        }
        queue.items.push_back(Item::Text(text));
        drop(queue);
        self.filled.notify_one();
    }

    /// The next thing to write; `None` once closed.
    pub async fn next(&self) -> Option<Item> {
        loop {
            {
                let mut queue = self.lock();
                if queue.closed {
                    return None;
                }
                if let Some(item) = queue.pop() {
                    drop(queue);
                    self.drained.notify_waiters();
                    return Some(item);
                }
            }
            // `notify_one` keeps a permit for us, and the writer is the only one who waits here.
            self.filled.notified().await;
        }
    }

    /// Empties the queue and lets everybody go.
    pub fn close(&self) {
        let mut queue = self.lock();
        *queue = Queue {
            closed: true,
            ..Queue::default()
        };
        drop(queue);
        self.filled.notify_one();
        self.drained.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What a text takes of the room for messages.
fn weight(text: &ToWorker) -> usize {
    match text {
        ToWorker::Channel { label, protocol, .. } => 128 + label.len() + protocol.len(),
        ToWorker::ChannelState { .. } => 128,
        ToWorker::Flow { .. } | ToWorker::KeyFrame { .. } | ToWorker::Target { .. } => 0,
    }
}

impl Queue {
    fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        match &item {
            Item::Text(ToWorker::KeyFrame { .. } | ToWorker::Target { .. }) => self.requests -= 1,
            Item::Text(text) => self.data_bytes -= weight(text),
            Item::Frame(frame) => match frame.kind {
                FrameKind::VideoReceived(_) | FrameKind::VideoToSend(_) => self.video_bytes -= frame.payload.len(),
                FrameKind::AudioReceived
                | FrameKind::AudioToSend(_)
                | FrameKind::AudioTick
                | FrameKind::AudioToPlay
                | FrameKind::VoiceToSend(_)
                | FrameKind::VoiceReceived(_)
                | FrameKind::VoiceTransformed(_) => self.audio_frames -= 1,
                FrameKind::DataReceived | FrameKind::DataToSend => self.data_bytes -= frame.payload.len(),
            },
        }
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::FutureExt;

    use crate::rtp::format::VideoCodec;

    fn video(key: bool, len: usize) -> Frame {
        Frame {
            kind: FrameKind::VideoReceived(VideoCodec::Vp8),
            key,
            text: false,
            gap: false,
            level: None,
            layer: 0,
            pc: 1,
            target: 2,
            timestamp: 0,
            duration: 0,
            payload: Bytes::from(vec![0; len]),
        }
    }

    fn data(len: usize) -> Frame {
        Frame {
            kind: FrameKind::DataReceived,
            ..video(false, len)
        }
    }

    #[tokio::test]
    async fn a_slow_worker_loses_video_up_to_the_next_key_frame_and_is_told() {
        let outbox = Outbox::default();
        assert_eq!(outbox.put_media(video(true, VIDEO_LIMIT)), Put::Queued);
        assert_eq!(outbox.put_media(video(false, 1)), Put::Dropped);
        assert!(outbox.next().await.is_some());
        assert_eq!(outbox.put_media(video(false, 1)), Put::Dropped);
        assert_eq!(outbox.put_media(video(true, 1)), Put::Queued);
        let Some(Item::Frame(frame)) = outbox.next().await else {
            panic!("a frame")
        };
        assert!(frame.key && frame.gap);
    }

    #[tokio::test]
    async fn data_waits_for_room_and_is_never_dropped() {
        let outbox = Outbox::default();
        assert!(outbox.put_data(data(DATA_LIMIT)).await);
        let mut waiting = Box::pin(outbox.put_data(data(1)));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there was no room"),
            () = tokio::task::yield_now() => {}
        }
        assert!(outbox.next().await.is_some());
        assert!(waiting.await);
    }

    #[tokio::test]
    async fn a_remote_that_opens_channels_without_end_waits_for_the_worker() {
        let outbox = Outbox::default();
        let channel = |channel| ToWorker::Channel {
            pc: 1,
            channel,
            label: "x".repeat(65_535),
            ordered: true,
            max_retransmits: None,
            max_packet_life_time: None,
            protocol: String::new(),
            id: None,
        };
        let mut put = 0;
        while let Some(true) = outbox.put_channel(channel(put)).now_or_never() {
            put += 1;
        }
        assert_eq!(put as usize, DATA_LIMIT / (65_535 + 128));
        for _ in 0..put {
            assert!(outbox.next().await.is_some());
        }
        assert_eq!(outbox.lock().data_bytes, 0);
        assert!(outbox.put_data(data(DATA_LIMIT)).await);
    }

    #[tokio::test]
    async fn closing_lets_everybody_go() {
        let outbox = Outbox::default();
        assert!(outbox.put_data(data(DATA_LIMIT)).await);
        let waiting = outbox.put_data(data(1));
        let close = async {
            tokio::task::yield_now().await;
            outbox.close();
        };
        assert!(!tokio::join!(waiting, close).0);
        assert_eq!(outbox.next().await, None);
    }
}
