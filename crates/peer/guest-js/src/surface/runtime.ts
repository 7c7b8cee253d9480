// What all connections of the page share.
import { DataLink } from "../data";
import { Link } from "../link";
import { Media } from "../media/media";
import { Sources } from "../media/sources";
import type { ChannelEvent } from "../wire";
import type { Heard } from "../worker/messages";
import { allowVideo } from "./capabilities";

/** What a connection hears of its media and its data channels. */
export interface Listener {
  receiving(transceiver: number): void;
  heard(transceiver: number, heard: Heard): void;
  /** A message that had `bytes` on its way. */
  channelMessage(channel: number, data: string | ArrayBuffer, bytes: number): void;
  channelEvent(event: ChannelEvent): void;
}

export interface Runtime {
  link: Link;
  media: Media;
  data: DataLink;
  sources: Sources;
  listeners: Map<number, Listener>;
}

let current: Runtime | undefined;

export async function startRuntime(): Promise<Runtime> {
  const link = await Link.open();
  const listeners = new Map<number, Listener>();
  const [media, data] = await Promise.all([
    Media.start(link.socketUrl, {
      receiving: (pc, transceiver) => listeners.get(pc)?.receiving(transceiver),
      heard: (pc, transceiver, heard) => listeners.get(pc)?.heard(transceiver, heard),
    }),
    DataLink.open(link.dataUrl, {
      message: (pc, channel, data, bytes) => listeners.get(pc)?.channelMessage(channel, data, bytes),
      event: (event) => listeners.get(event.pc)?.channelEvent(event),
    }),
  ]);
  allowVideo(media.codecs);
  current = { link, media, data, sources: new Sources(media), listeners };
  return current;
}

export function runtime(): Runtime {
  if (!current) throw new DOMException("install() has not finished", "InvalidStateError");
  return current;
}
