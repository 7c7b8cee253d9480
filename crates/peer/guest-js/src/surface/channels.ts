// The data channels of one connection.
import type { ChannelEvent, ChannelInit } from "../wire";
import { type DataChannel, inside, makeChannel } from "./channel";
import type { Commands } from "./commands";
import type { Stats } from "./stats";

/** Messages kept for a channel whose number the page does not know yet. */
const EARLY_MOST = 1024;

export class Channels {
  #commands: Commands;
  #announce: (channel: DataChannel) => void;
  #maxMessageSize: () => number;
  #open = new Map<number, DataChannel>();
  #all = new Set<DataChannel>();
  #early = new Map<number, ((channel: DataChannel) => void)[]>();
  /** Our end of DTLS, by which streams are numbered (RFC 8832 6). */
  #role: "client" | "server" | undefined;
  /** Channels were made, so that an application section is wanted. */
  any = false;
  #opened = 0;
  #closed = 0;

  constructor(commands: Commands, announce: (channel: DataChannel) => void, maxMessageSize: () => number) {
    this.#commands = commands;
    this.#announce = announce;
    this.#maxMessageSize = maxMessageSize;
  }

  /** Whether an SCTP stream is taken. */
  taken(id: number): boolean {
    return [...this.#all].some((channel) => channel.id === id);
  }

  /** Our end of DTLS is agreed on: channels that wait for their streams get them. */
  assign(role: "client" | "server"): void {
    this.#role = role;
    for (const channel of this.#all) this.#number(channel);
  }

  /** What `getStats` tells of channels (webrtc-stats 8.10 and 8.11), beside what Rust tells. */
  stats(entries: Stats[]): Stats[] {
    const timestamp = entries[0]?.timestamp ?? performance.timeOrigin + performance.now();
    const counts = { dataChannelsOpened: this.#opened, dataChannelsClosed: this.#closed };
    const channels = [...this.#all].map((channel): Stats => {
      const { label, protocol, id, readyState: state } = channel;
      return {
        id: `D${inside(channel).serial}`,
        type: "data-channel",
        timestamp,
        label,
        protocol,
        ...(id !== null && { dataChannelIdentifier: id }),
        state,
        ...inside(channel).counted,
      };
    });
    const others = entries.map((entry) =>
      entry.type === "peer-connection" ? { ...entry, ...counts } : entry,
    );
    return [...others, ...channels];
  }

  #number(channel: DataChannel): void {
    if (!this.#role || channel.id !== null || channel.readyState === "closed") return;
    let id = this.#role === "client" ? 0 : 1;
    while (this.taken(id)) id += 2;
    inside(channel).id = id;
  }

  create(init: ChannelInit): DataChannel {
    this.any = true;
    let number: number | undefined;
    const channel = this.#make(init, () => number);
    this.#number(channel);
    this.#commands.send<{ channel: number }>({ type: "create-channel", ...init }).then(
      (result) => {
        number = result.channel;
        this.#register(number, channel);
        if (channel.readyState === "closing") this.#tellClose(number);
      },
      (error) => {
        if (channel.readyState === "closed") return;
        console.error("peer-connection: no data channel:", error);
        inside(channel).closed();
      },
    );
    return channel;
  }

  message(number: number, data: string | ArrayBuffer, bytes: number): void {
    this.#with(number, (channel) => inside(channel).received(data, bytes));
  }

  event(event: ChannelEvent): void {
    switch (event.type) {
      case "channel":
        this.#arrived(event);
        break;
      case "channel-state":
        this.#with(event.channel, (channel) => this.#stateChanged(event.channel, channel, event));
        break;
      case "flow":
        this.#with(event.channel, (channel) => inside(channel).flowed(event.amount));
        break;
    }
  }

  /** With the connection: at once, and without events (WebRTC 4.4.2, close). */
  close(): void {
    for (const channel of this.#all) inside(channel).state = "closed";
    this.#all.clear();
    this.#open.clear();
    this.#early.clear();
  }

  #arrived(event: ChannelEvent & { type: "channel" }): void {
    if (this.#open.has(event.channel)) return;
    const channel = this.#make(
      {
        label: event.label,
        ordered: event.ordered,
        protocol: event.protocol,
        negotiated: false,
        ...(event.maxRetransmits !== null && { maxRetransmits: event.maxRetransmits }),
        ...(event.maxPacketLifeTime !== null && { maxPacketLifeTime: event.maxPacketLifeTime }),
        ...(event.id !== null && { id: event.id }),
      },
      () => event.channel,
    );
    this.#opened++;
    // Open, but without the event: that comes when the page has had its chance to listen.
    inside(channel).state = "open";
    this.#announce(channel);
    inside(channel).announce();
    this.#register(event.channel, channel);
  }

  #stateChanged(number: number, channel: DataChannel, event: ChannelEvent & { type: "channel-state" }): void {
    if (event.state === "open") {
      if (channel.readyState === "connecting") this.#opened++;
      inside(channel).opened(event.id);
    } else if (event.state === "closing") inside(channel).closing();
    else if (event.state === "closed") {
      if (inside(channel).wasOpen) this.#closed++;
      this.#open.delete(number);
      this.#all.delete(channel);
      inside(channel).closed(event.aborted);
    }
  }

  #make(init: ChannelInit, number: () => number | undefined): DataChannel {
    const channel = makeChannel(init, {
      maxMessageSize: this.#maxMessageSize,
      send: (data, text) => {
        const to = number();
        if (to !== undefined) this.#commands.runtime.data.send(this.#commands.number, to, data, text);
      },
      close: () => {
        const to = number();
        if (to !== undefined) this.#tellClose(to);
      },
    });
    this.#all.add(channel);
    return channel;
  }

  #tellClose(channel: number): void {
    this.#commands.runtime.data.close(this.#commands.number, channel);
  }

  #register(number: number, channel: DataChannel): void {
    this.#open.set(number, channel);
    const early = this.#early.get(number) ?? [];
    this.#early.delete(number);
    for (const action of early) action(channel);
  }

  #with(number: number, action: (channel: DataChannel) => void): void {
    const channel = this.#open.get(number);
    if (channel) {
      action(channel);
      return;
    }
    const early = this.#early.get(number) ?? [];
    if (early.length >= EARLY_MOST) return;
    early.push(action);
    this.#early.set(number, early);
  }
}
